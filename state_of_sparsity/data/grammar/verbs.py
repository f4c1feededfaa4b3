"""The verbs of the grammar corpus, in English and German."""

import typing

from state_of_sparsity.data.grammar.nouns import nouns_with


class Verb(typing.NamedTuple):
    """A verb in both languages, with what it goes with.

    Attributes:
        base: the English infinitive without "to".
        third: the English third person singular.
        past: the English past; None where one could take it for the present ("read").
        particle: what follows the English verb: "on" of "turn on", "for" of "look for", or "".
        infinitive: the German infinitive, without a separable prefix.
        german_third: the German third person singular, without it.
        participle: the German participle, with it.
        prefix: the separable prefix, or "".
        auxiliary: "haben" or "sein", which the perfect is made with.
        frame: "none", "accusative", "dative", "both" (dative and accusative), or a German
            preposition and the case after it, as "auf accusative".
        subjects: the nouns that may be its subject.
        objects: the nouns that may be its object, the accusative one of two.
        places: the nouns in which one can say that it is done.
    """

    base: str
    third: str
    past: str | None
    particle: str
    infinitive: str
    german_third: str
    participle: str
    prefix: str
    auxiliary: str
    frame: str
    subjects: tuple
    objects: tuple
    places: tuple

    @property
    def english(self):
        """The whole English verb, "turn on"."""
        return f"{self.base} {self.particle}".strip()


# A paragraph a frame, then a verb a line: English base, third person, past ("-" for none), particle
# if any / German infinitive, third person, participle, prefix if any, "sein" if that makes the
# perfect / tags of subjects / tags of objects / tags of the places it is done in.
_TABLE = """
none
sleep sleeps slept / schlafen schläft geschlafen / person animal / / garden forest house room hotel
laugh laughs laughed / lachen lacht gelacht / person / / kitchen school garden office park
cry cries cried / weinen weint geweint / child woman student / / room garden school kitchen
work works worked / arbeiten arbeitet gearbeitet / adult relative elder / / place
dance dances danced / tanzen tanzt getanzt / person / / room kitchen garden park hotel village
wait waits waited / warten wartet gewartet / person / / building park office kitchen
play plays played / spielen spielt gespielt / child pet / / garden park kitchen room school
get gets got up / stehen steht aufgestanden auf sein / person /
wake wakes woke up / wachen wacht aufgewacht auf sein / person animal /
fall falls fell asleep / schlafen schläft eingeschlafen ein sein / person animal /
arrive arrives arrived / kommen kommt angekommen an sein / person /
come comes came back / kommen kommt zurückgekommen zurück sein / person animal /
run runs ran away / laufen läuft weggelaufen weg sein / child animal /

accusative
see sees saw / sehen sieht gesehen / person animal / person animal building seen / outdoors city
look looks looked for / suchen sucht gesucht / person / pet child thing / garden park indoors school
find finds found / finden findet gefunden / person / pet thing / garden park indoors school
buy buys bought / kaufen kauft gekauft / person / thing food
sell sells sold / verkaufen verkauft verkauft / adult relative / thing food horse cow pig house
eat eats ate / essen isst gegessen / person / food / kitchen garden park hotel school
eat eats ate / fressen frisst gefressen / animal / fruit potato bread / outdoors
drink drinks drank / trinken trinkt getrunken / person / drink / indoors garden park hotel
drink drinks drank / trinken trinkt getrunken / animal / plain / outdoors
read reads - / lesen liest gelesen / person / text / kitchen garden park room hotel school office
write writes wrote / schreiben schreibt geschrieben / person / written book / indoors garden school
cook cooks cooked / kochen kocht gekocht / person / cooked / kitchen house hotel
bake bakes baked / backen backt gebacken / adult elder relative / baked
carry carries carried / tragen trägt getragen / person / carried
wear wears wore / tragen trägt getragen / person / coat hat jacket sweater shirt
repair repairs repaired / reparieren repariert repariert / adult elder relative / repaired
wash washes washed / waschen wäscht gewaschen / person / washed clothes
clean cleans cleaned / putzen putzt geputzt / person / cleaned indoors
paint paints painted / malen malt gemalt / person / picture flower bird / garden park room school
visit visits visited / besuchen besucht besucht / person / person visited
love loves loved / lieben liebt geliebt / person / family child pet
know knows knew / kennen kennt gekannt / person / adult child story song
ask asks asked / fragen fragt gefragt / person / person
hear hears heard / hören hört gehört / person animal / person animal song / outdoors city
feed feeds fed / füttern füttert gefüttert / person / animal / outdoors
hunt hunts hunted / jagen jagt gejagt / hunter / prey / garden park forest house
need needs needed / brauchen braucht gebraucht / person / thing
sing sings sang / singen singt gesungen / person / song / church school garden park kitchen
forget forgets forgot / vergessen vergisst vergessen / person / portable
lose loses lost / verlieren verliert verloren / person / portable
hide hides hid / verstecken versteckt versteckt / person / key gift letter
open opens opened / machen macht aufgemacht auf / person / openable
close closes closed / machen macht zugemacht zu / person / openable
turn turns turned on / schalten schaltet eingeschaltet ein / person / device
turn turns turned off / schalten schaltet ausgeschaltet aus / person / device
call calls called / rufen ruft angerufen an / person / adult family
invite invites invited / laden lädt eingeladen ein / person / person
pick picks picked up / holen holt abgeholt ab / adult elder relative / person
tidy tidies tidied up / räumen räumt aufgeräumt auf / person / indoors
take takes took along / nehmen nimmt mitgenommen mit / person / portable
bring brings brought back / bringen bringt zurückgebracht zurück / person / portable
throw throws threw away / werfen wirft weggeworfen weg / person / paper
take takes took off / ziehen zieht ausgezogen aus / person / coat hat jacket sweater shirt
look looks looked at / sehen sieht angesehen an / person / person animal seen

dative
help helps helped / helfen hilft geholfen / person / person animal / garden school office kitchen
thank thanks thanked / danken dankt gedankt / person / person
follow follows followed / folgen folgt gefolgt sein / person hunter / person animal
answer answers answered / antworten antwortet geantwortet / person / person
trust trusts trusted / vertrauen vertraut vertraut / person / person
belong belongs belonged to / gehören gehört gehört / thing animal house / person
listen listens listened to / hören hört zugehört zu / person / person

both
give gives gave / geben gibt gegeben / person / gift food key
show shows showed / zeigen zeigt gezeigt / person / gift letter animal house
bring brings brought / bringen bringt gebracht / person / gift food drink letter newspaper
send sends sent / schicken schickt geschickt / adult family / gift letter

auf accusative
wait waits waited for / warten wartet gewartet / person / person

an accusative
think thinks thought of / denken denkt gedacht / person / person

mit dative
speak speaks spoke with / sprechen spricht gesprochen / person / person / hotel school indoors park
dance dances danced with / tanzen tanzt getanzt / person / person / garden park village hotel
play plays played with / spielen spielt gespielt / child pet / toy / garden park kitchen room school

von dative
dream dreams dreamed of / träumen träumt geträumt / person / animal gift

in accusative
go goes went into / gehen geht gegangen sein / person / place
run runs ran into / laufen läuft gelaufen sein / child pet / garden park forest house kitchen room
"""


def _read(table):
    for paragraph in table.strip().split("\n\n"):
        frame, *lines = paragraph.split("\n")
        for line in lines:
            english, german, subjects, objects, *place = line.split("/")
            base, third, past, *particle = english.split()
            infinitive, german_third, participle, *more = german.split()
            prefix = [word for word in more if word != "sein"]
            yield Verb(
                base,
                third,
                None if past == "-" else past,
                " ".join(particle),
                infinitive,
                german_third,
                participle,
                " ".join(prefix),
                "sein" if "sein" in more else "haben",
                frame,
                nouns_with(subjects),
                nouns_with(objects),
                nouns_with(*place) if place else (),
            )


VERBS = tuple(_read(_TABLE))


def _saying(base, third, infinitive, german_third):
    return Verb(
        base, third, None, "", infinitive, german_third, "", "", "haben", "none", (), (), ()
    )


# What is followed by "that".
SAYINGS = (
    _saying("say", "says", "sagen", "sagt"),
    _saying("believe", "believes", "glauben", "glaubt"),
    _saying("hope", "hopes", "hoffen", "hofft"),
    _saying("think", "thinks", "denken", "denkt"),
)
# English, its third person, German first and third person, plural; all take a bare infinitive.
AUXILIARIES = {
    "future": ("will", "will", "werde", "wird", "werden"),
    "can": ("can", "can", "kann", "kann", "können"),
    "must": ("must", "must", "muss", "muss", "müssen"),
    "want": ("want to", "wants to", "will", "will", "wollen"),
}
