"""What a layer is made of before it is placed: a stream for each engine."""
