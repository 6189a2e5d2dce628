"""Words an author may write -> what a model with a small vocabulary is likelier to know.

For suggestions only: nothing here changes a prompt. A word may stand in several lines; the first
whose phrase the model knows is told, so the nearer meaning stands above the wider one.
"""

from __future__ import annotations

from ambientgen.scene.catalogue import KNOWN
from ambientgen.scene.faults import nearest

_NEAR: tuple[tuple[str, str], ...] = (
    # what sounds
    ("light rain", "drizzle drizzling mizzle sprinkle spitting"),
    ("a torrential downpour", "cloudburst deluge monsoon rainstorm pouring hail hailstorm"),
    ("rain", "wet rainy raining raindrop puddle puddles gutter umbrella shower showers"),
    ("a howling gale", "hurricane tornado typhoon cyclone blizzard squall snowstorm sandstorm"),
    ("a light breeze", "draught draft zephyr air"),
    ("wind", "windy breezy gust gusty blow blows blustery"),
    ("waves", "ocean surf swell breakers wave tide tides sea"),
    ("the sea", "ocean seaside waters"),
    ("a waterfall", "cascade cataract falls rapids weir"),
    ("stream", "brook creek rivulet beck burn river waterfall cascade rapids spring fountain"),
    ("fire", "bonfire hearth flame flames stove furnace torch candle fireplace ember"),
    ("thunder", "lightning storm stormy tempest thunderstorm thundering explosion thunderclap"),
    ("frogs", "toad toads amphibian amphibians bullfrog croak ribbit"),
    (
        "birds",
        "songbird songbirds birdsong robin blackbird sparrow sparrows thrush nightingale lark finch"
        " gull gulls seagull seagulls owl owls crow crows raven pigeon pigeons duck ducks goose"
        " geese swallow swallows rooster cuckoo parrot wren warbler tweeting twittering chirp",
    ),
    (
        "crickets",
        "mosquito mosquitoes mosquitos bee bees insect insects bug bugs cicada cicadas grasshopper"
        " grasshoppers locust locusts fly flies wasp wasps katydid katydids",
    ),
    ("leaves", "leaf foliage branch branches tree trees bush bushes hedge reeds grass rustle"),
    (
        "people talking",
        "conversation conversations talk talks chat chatting chatter speech speaking",
    ),
    ("cups and dishes", "dishes plates cutlery tableware crockery glasses cup"),
    ("dishes", "plates cutlery tableware crockery glasses cups"),
    ("people", "person man men woman women child children kids crowd voices guests humans"),
    ("conversation", "talking talk chat chatter speech"),
    (
        "crowd",
        "people voices"
        " audience mob festival party concert stadium spectators applause cheering laughter"
        " conversation conversations talk chat chatter speech",
    ),
    ("a train", "tram subway metro railroad locomotive trains railway underground"),
    (
        "traffic",
        "car cars truck trucks lorry bus buses highway motorway freeway vehicle vehicles engine"
        " engines motorcycle train tram scooter taxi helicopter plane airplane aircraft jet",
    ),
    ("road", "lane avenue boulevard highway motorway freeway asphalt"),
    ("footsteps", "steps walking walk footstep walkers pedestrians footfall"),
    ("music", "song songs melody piano guitar radio tune band orchestra jazz"),
    ("a low drone", "hum humming buzz synth pad bass rumble"),
    ("a room", "indoors office bedroom hall chamber kitchen lobby corridor apartment flat"),
    # where
    ("jungle", "rainforest tropics tropical"),
    ("forest", "woodland wood woods grove taiga thicket copse orchard wilderness spruce oak birch"),
    ("a beach", "seashore sand sandy dunes bay cove shoreline seaside seafront"),
    ("the coast", "island isle peninsula fjord headland cape"),
    (
        "a harbour",
        "harbor port marina dock docks pier quay wharf ship ships boat boats jetty ferry",
    ),
    (
        "a café",
        "cafe cafeteria pub bar inn tavern restaurant bistro coffee coffeehouse diner canteen",
    ),
    ("a railway station", "platform terminal terminus airport subway metro underground train"),
    ("a busy square", "market marketplace plaza fair bazaar mall piazza"),
    ("a garden", "yard backyard courtyard lawn patio terrace balcony greenhouse orchard porch"),
    ("a park", "playground zoo"),
    ("a village", "town hamlet suburb suburbs settlement"),
    ("a city", "town metropolis urban downtown skyline"),
    ("city street", "alley pavement sidewalk crossing avenue boulevard"),
    ("mountain", "hill hills peak mountains alps alpine summit ridge highlands slope"),
    ("a wide valley", "canyon gorge ravine glen dale"),
    ("a lake", "lagoon reservoir loch tarn lakeside"),
    ("a pond", "pool"),
    ("a marsh", "swamp bog wetland wetlands fen mangrove bayou"),
    ("a cave", "cavern tunnel mine cellar grotto vault"),
    ("a desert", "dune dunes sahara wasteland"),
    ("a wooden cabin", "hut house home cottage lodge shed chalet barn attic"),
    ("a tin roof", "rooftop rooftops eaves shelter"),
    ("a tent", "camp camping"),
    ("a farm", "ranch farmyard farmland countryside barn vineyard"),
    ("a meadow", "pasture grassland prairie"),
    ("an open field", "plain plains steppe savanna savannah moor heath tundra fields"),
    ("country", "rural countryside"),
    ("a cliff", "cliffs precipice bluff crag"),
    # when
    ("at dusk", "sunset twilight evening nightfall sundown"),
    ("at dawn", "sunrise daybreak"),
    ("in the morning", "early noon day daytime afternoon midday"),
    ("at night", "evening dark darkness nighttime nocturnal moonlight moonlit stars"),
    ("summer", "spring warm hot july august june"),
    ("winter", "autumn fall cold snow snowy frost frozen ice icy january december november"),
    # how
    ("loud", "deafening booming noisy shrill harsh louder blaring"),
    ("quiet", "calm silent peaceful hushed still serene tranquil lonely sleepy quieter empty"),
    ("faint", "dim weak muffled feeble subtle slight"),
    ("distant", "far faraway remote"),
    ("close by", "near nearby beside close"),
    ("outdoors", "outside outdoor exterior"),
    ("heavy", "thick dense hard"),
    ("strong", "powerful fierce forceful"),
    ("gentle", "mild tender slow lazy"),
    ("steady", "constant continuous even regular"),
    ("violent", "wild furious raging savage angry"),
    ("fast", "quick rapid swift quickly"),
    ("many", "lots several numerous plenty countless dozens"),
    ("few", "couple handful sparse occasional"),
    ("single", "one lone solitary"),
    ("small", "tiny minor narrow miniature"),
    ("huge", "giant enormous massive vast gigantic mighty great big"),
    ("large", "big great tall"),
    ("old", "ancient medieval historic"),
    ("busy", "bustling crowded lively hectic"),
    ("above", "atop upon"),
    ("by", "near beside alongside along next"),
    ("in", "inside within into during through"),
)


def _by_word() -> dict[str, tuple[str, ...]]:
    table: dict[str, tuple[str, ...]] = {}
    for phrase, words in _NEAR:
        for word in words.split():
            table[word] = (*table.get(word, ()), phrase)
    return table


NEAREST = _by_word()
"""Word, in small letters -> phrases near it in meaning, the nearest first."""


def nearest_sound(name: str) -> str:
    """The sound of the catalogue that is meant by a name, or by a part of it, or nothing."""
    words = (name.lower(), *name.lower().split("_"))
    meant = (phrase for word in words for phrase in (word, *NEAREST.get(word, ())))
    return next((phrase for phrase in meant if phrase in KNOWN), nearest(name, KNOWN))


NEAREST_STATE: dict[str, tuple[str, ...]] = {
    "rain": ("stream", "leaves"),
    "wind": ("leaves", "waves"),
    "waves": ("wind", "stream"),
    "stream": ("waterfall", "rain"),
    "waterfall": ("stream", "rain"),
    "thunder": ("traffic",),
    "birds": ("crickets",),
    "crickets": ("frogs", "birds"),
    "frogs": ("crickets",),
    "leaves": ("wind", "rain"),
    "crowd": ("conversation",),
    "conversation": ("crowd",),
    "traffic": ("train", "wind"),
    "train": ("traffic",),
    "room": ("drone", "wind"),
    "dishes": ("conversation", "crowd"),
    "music": ("drone",),
    "drone": ("room", "music", "traffic"),
}
"""Known state -> states that sound most like it, the likest first; none for one like no other."""
