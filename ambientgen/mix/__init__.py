"""From layers to one sound: each a stream that answers for any stretch of absolute time."""
