"""The nouns of the grammar corpus, in English and German."""

import typing


class Noun(typing.NamedTuple):
    """A noun in both languages.

    Attributes:
        english: the singular.
        english_plural: the plural, None for what is not counted or of which there is but one.
        german: the nominative singular.
        german_plural: the nominative plural, None likewise.
        gender: "m", "f" or "n", that of the German noun.
        weak: whether accusative and dative singular are like the plural ("den Jungen").
        kind: what sort of thing it is, a key of `grammar_adjectives.ADJECTIVES`.
        tags: everything by which verbs choose it: its kind, more of the sort, its English name.
    """

    english: str
    english_plural: str | None
    german: str
    german_plural: str | None
    gender: str
    weak: bool
    kind: str
    tags: frozenset[str]


# A paragraph a kind, which its first line names, with tags all its nouns have. Then a noun a line:
# English, its plural, gender ("m+" where weak), German, its plural, tags.
_TABLE = """
adult: person
man men m Mann Männer he
woman women f Frau Frauen she
teacher teachers m Lehrer Lehrer he
doctor doctors m Arzt Ärzte he
neighbor neighbors m+ Nachbar Nachbarn he
friend friends m Freund Freunde he
guest guests m Gast Gäste
student students m+ Student Studenten he
farmer farmers m+ Bauer Bauern he
baker bakers m Bäcker Bäcker he

elder: person family
mother - f Mutter - she
father - m Vater - he
grandmother - f Großmutter - she
grandfather - m Großvater - he

relative: person family
aunt aunts f Tante Tanten she
uncle uncles m Onkel Onkel he
brother brothers m Bruder Brüder he
sister sisters f Schwester Schwestern she
son sons m Sohn Söhne he
daughter daughters f Tochter Töchter she

young: person child
boy boys m+ Junge Jungen he
girl girls n Mädchen Mädchen
child children n Kind Kinder

animal: animal
dog dogs m Hund Hunde hunter pet
cat cats f Katze Katzen hunter pet
horse horses n Pferd Pferde
cow cows f Kuh Kühe
bird birds m Vogel Vögel prey
pig pigs n Schwein Schweine
mouse mice f Maus Mäuse prey
duck ducks f Ente Enten prey
bear bears m+ Bär Bären
goat goats f Ziege Ziegen

food: food
apple apples m Apfel Äpfel fruit
pear pears f Birne Birnen fruit
cake cakes m Kuchen Kuchen baked
cookie cookies m Keks Kekse baked
egg eggs n Ei Eier cooked
potato potatoes f Kartoffel Kartoffeln cooked
carrot carrots f Karotte Karotten cooked fruit
tomato tomatoes f Tomate Tomaten fruit

mass_food: food mass
bread - n Brot - baked
cheese - m Käse -
meat - n Fleisch - cooked
rice - m Reis - cooked
soup - f Suppe - cooked

drink: drink mass
water - n Wasser - plain
milk - f Milch - plain
juice - m Saft -
beer - n Bier -

hot_drink: drink mass
coffee - m Kaffee -
tea - m Tee -

text: text thing
book books n Buch Bücher gift portable
letter letters m Brief Briefe written paper
story stories f Geschichte Geschichten written told
poem poems n Gedicht Gedichte written

newspaper: text thing
newspaper newspapers f Zeitung Zeitungen paper portable

music:
song songs n Lied Lieder

fixture:
window windows n Fenster Fenster openable cleaned
door doors f Tür Türen openable cleaned

thing: thing
box boxes f Kiste Kisten openable carried
suitcase suitcases m Koffer Koffer openable carried portable
lamp lamps f Lampe Lampen device gift
radio radios n Radio Radios device repaired
computer computers m Computer Computer device repaired
table tables m Tisch Tische cleaned
chair chairs m Stuhl Stühle carried repaired
key keys m Schlüssel Schlüssel portable
picture pictures n Bild Bilder gift seen
ball balls m Ball Bälle gift toy portable
doll dolls f Puppe Puppen gift toy
bicycle bicycles n Fahrrad Fahrräder repaired washed gift
car cars n Auto Autos repaired washed
bag bags f Tasche Taschen carried openable portable gift
clock clocks f Uhr Uhren repaired gift
cup cups f Tasse Tassen washed
plate plates m Teller Teller washed
knife knives n Messer Messer washed
umbrella umbrellas m Regenschirm Regenschirme portable
flower flowers f Blume Blumen gift seen

clothes: clothes thing
coat coats m Mantel Mäntel
hat hats m Hut Hüte
jacket jackets f Jacke Jacken
dress dresses n Kleid Kleider female
shirt shirts n Hemd Hemden
sweater sweaters m Pullover Pullover

landscape: place
garden gardens m Garten Gärten outdoors
park parks m Park Parks outdoors
forest forests m Wald Wälder outdoors

town: place
city cities f Stadt Städte visited
village villages n Dorf Dörfer outdoors visited

building: place
house houses n Haus Häuser building
school schools f Schule Schulen building
church churches f Kirche Kirchen building
hotel hotels n Hotel Hotels building
kitchen kitchens f Küche Küchen indoors
room rooms n Zimmer Zimmer indoors
office offices n Büro Büros indoors
"""


def _read(table):
    for paragraph in table.strip().split("\n\n"):
        heading, *lines = paragraph.split("\n")
        kind, shared = heading.split(":")
        for line in lines:
            english, plural, gender, german, german_plural, *tags = line.split()
            yield Noun(
                english,
                None if plural == "-" else plural,
                german,
                None if german_plural == "-" else german_plural,
                gender[0],
                gender.endswith("+"),
                kind,
                frozenset([kind, *shared.split(), *tags, english]),
            )


NOUNS = {noun.english: noun for noun in _read(_TABLE)}


def nouns_with(tags):
    """Returns the nouns that have one of some tags, in the order of the table.

    Args:
        tags: the tags, a string with spaces between them; the English name of a noun is one.

    Example:

    >>> [noun.german for noun in nouns_with("indoors garden")]
    ['Garten', 'Küche', 'Zimmer', 'Büro']
    """
    return tuple(noun for noun in NOUNS.values() if not noun.tags.isdisjoint(tags.split()))
