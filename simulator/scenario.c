#include "simulator/scenario.h"

#include <stdio.h>
#include <string.h>

#include "config/units.h"

static const struct scenario scenarios[] = {
    {"P01",
     "process",
     "m2_conveyor",
     {"Bourrage convoyeur", "Förderband-Stau", "Conveyor jam"},
     NULL,
     false,
     {{"set tag=jam", 1, SCENARIO_PARAMETER}}},
    {"P02",
     "process",
     "m2_conveyor",
     {"Roulement grippé", "Schwergängiges Lager", "Worn bearing"},
     NULL,
     true,
     {{"set tag=jam", 0.5, SCENARIO_PARAMETER}}},
    {"P03",
     "process",
     "m3_mill",
     {"Usure outil non traitée", "Werkzeugverschleiß", "Tool wear ignored"},
     NULL,
     true,
     {{"set tag=auto_tool", 0, SCENARIO_PLAIN}, {"set tag=wear", 0.7, SCENARIO_PARAMETER}}},
    {"P04",
     "process",
     "m4_oven",
     {"Joint de porte usé", "Türdichtung undicht", "Oven seal leak"},
     NULL,
     true,
     {{"set tag=seal_leak", 2, SCENARIO_PARAMETER}}},
    {"P05",
     "process",
     "m4_oven",
     {"Résistance HS", "Heizung defekt", "Heater failed"},
     NULL,
     false,
     {{"set tag=heater", 0, SCENARIO_PARAMETER}}},
    {"P06",
     "process",
     "u1_compressor",
     {"Fuite d'air", "Druckluftleck", "Air leak"},
     NULL,
     true,
     {{"set tag=leak", 0.4, SCENARIO_PARAMETER}}},
    {"P07",
     "process",
     "m5_cobot",
     {"Cobot ralenti", "Cobot langsam", "Cobot slowed"},
     NULL,
     true,
     {{"set tag=cobot_slow", 1.5, SCENARIO_PARAMETER}}},
    {"P08",
     "process",
     "m7_amr",
     {"AMR en panne", "FTS ausgefallen", "AMR down"},
     NULL,
     false,
     {{"set tag=amr_ok", 0, SCENARIO_PLAIN}}},
    {"P09",
     "process",
     "m7_amr",
     {"Batterie faible", "Akku schwach", "Battery low"},
     NULL,
     false,
     {{"set tag=soc", 0.14, SCENARIO_PARAMETER}}},
    {"P10",
     "process",
     "m6_vision",
     {"Caméra déréglée", "Kamera verstellt", "Camera out of focus"},
     NULL,
     true,
     {{"set tag=vision_bias", 0.05, SCENARIO_PARAMETER}}},
    {"P11",
     "process",
     "line",
     {"Arrêt d'urgence", "Not-Halt", "Emergency stop"},
     NULL,
     false,
     {{"set tag=estop", 1, SCENARIO_PLAIN}}},
    {"P12",
     "process",
     "line",
     {"Démarrage à froid", "Kaltstart", "Cold start"},
     NULL,
     false,
     {{"set tag=warm", 0, SCENARIO_PLAIN}}},
    {"P13",
     "process",
     "room",
     {"La classe arrive", "Klasse kommt", "Class enters"},
     NULL,
     false,
     {{"set tag=people", 25, SCENARIO_PARAMETER}, {"set tag=vent", 120, SCENARIO_PARAMETER}}},
    {"D01",
     "sensor",
     "m4_oven",
     {"Capteur coupé", "Fühlerbruch", "Sensor break"},
     NULL,
     false,
     {{"raw target=m4_oven tag=chamber_temp", 32768, SCENARIO_PLAIN},
      {"raw target=m4_oven tag=sensor_status", 1, SCENARIO_PLAIN}}},
    {"D02",
     "sensor",
     "m4_oven",
     {"Capteur figé", "Sensor eingefroren", "Stuck sensor"},
     NULL,
     true,
     {{"stuck target=m4_oven tag=chamber_temp", 0, SCENARIO_PLAIN}}},
    {"D03",
     "sensor",
     "m3_mill",
     {"Dérive capteur", "Sensordrift", "Sensor drift"},
     NULL,
     true,
     {{"drift target=m3_mill tag=vibration_rms", 0.02, SCENARIO_SCALED}}},
    {"D04",
     "sensor",
     "u3_climate",
     {"Sonde débranchée", "Fühler abgezogen", "Probe unplugged"},
     NULL,
     false,
     {{"set tag=probe", 0, SCENARIO_PLAIN}}},
    {"D05",
     "sensor",
     "u4_andon",
     {"Boucle 4-20 mA coupée", "4-20 mA Drahtbruch", "4-20 mA burn-out"},
     NULL,
     false,
     {{"raw target=u4_andon tag=ai0_status", 1, SCENARIO_PLAIN},
      {"raw target=u4_andon tag=ai0_raw", 0, SCENARIO_PLAIN},
      {"raw target=u4_andon tag=ai0_scaled", 3223322624, SCENARIO_PLAIN}}},
    {"D06",
     "sensor",
     "m3_mill",
     {"Bruit", "Rauschen", "Noise burst"},
     "60s",
     false,
     {{"noise target=m3_mill tag=vibration_rms", 2, SCENARIO_SCALED}}},
    {"N01",
     "network",
     "m1_store",
     {"Câble débranché", "Kabel gezogen", "Cable pulled"},
     NULL,
     false,
     {{"mute target=m1_store", 0, SCENARIO_PLAIN}}},
    {"N02",
     "network",
     "m2_conveyor",
     {"Automate redémarre", "SPS-Neustart", "PLC reboot"},
     "8s",
     false,
     {{"power-cycle target=m2_conveyor", 2, SCENARIO_PLAIN}}},
    {"N03",
     "network",
     "broker",
     {"Broker coupé", "Broker aus", "Broker cut"},
     NULL,
     false,
     {{NULL, 0, SCENARIO_PLAIN}}},
    {"N04",
     "network",
     "broker",
     {"Broker lent", "Broker langsam", "Slow broker"},
     NULL,
     false,
     {{NULL, 0, SCENARIO_PLAIN}}},
    {"N05",
     "network",
     "u1_compressor",
     {"Client intrus", "Fremder Client", "Connection kicked"},
     NULL,
     false,
     {{"kick target=u1_compressor", 5, SCENARIO_PLAIN}}},
    {"N06",
     "network",
     "m6_vision",
     {"TCP fragmenté", "TCP zerstückelt", "Fragmented TCP"},
     NULL,
     false,
     {{"dribble target=m6_vision", 5, SCENARIO_SCALED}}},
    {"X01",
     "protocol",
     "m3_mill",
     {"Réponses tardives", "Späte Antworten", "Late replies"},
     NULL,
     false,
     {{"delay target=m3_mill chance=0.2", 2500, SCENARIO_SCALED}}},
    {"X02",
     "protocol",
     "u2_meter",
     {"Mauvais TID", "Falsche TID", "Wrong transaction id"},
     NULL,
     false,
     {{"wrong-transaction target=u2_meter chance=0.5", -1, SCENARIO_PLAIN}}},
    {"X03",
     "protocol",
     "m4_oven",
     {"Occupé", "Beschäftigt", "Busy"},
     "1500ms",
     false,
     {{"exception-6 target=m4_oven", 6, SCENARIO_PLAIN}}},
    {"X04",
     "protocol",
     "m2_conveyor",
     {"Passerelle muette", "Gateway stumm", "Gateway target silent"},
     NULL,
     false,
     {{"exception-11 target=m2_drive", 11, SCENARIO_PLAIN},
      {"delay target=m2_drive", 300, SCENARIO_PLAIN}}},
    {"X05",
     "protocol",
     "m3_mill",
     {"Adresse illégale", "Illegale Adresse", "Illegal address in block"},
     NULL,
     false,
     {{"gone target=m3_mill at=input:18 count=12", 0, SCENARIO_PLAIN},
      {"gone target=m3_mill at=input:32 count=2", 0, SCENARIO_PLAIN}}},
    {"X06",
     "protocol",
     "m1_store",
     {"Nouveau firmware", "Neue Firmware", "Firmware swaps words"},
     NULL,
     true,
     {{"swap target=m1_store", 0, SCENARIO_PLAIN}}},
    {"X07",
     "protocol",
     "u5_pv",
     {"Facteur d'échelle", "Skalierungsfaktor", "Scale factor changes"},
     NULL,
     true,
     {{"set tag=pv_scale", 1, SCENARIO_PLAIN}}},
    {"X08",
     "protocol",
     "m5_cobot",
     {"MBAP corrompu", "MBAP defekt", "Corrupt MBAP"},
     NULL,
     false,
     {{"false-length target=m5_cobot chance=0.05", 0, SCENARIO_PLAIN},
      {"false-length target=m5_cobot chance=0.05", 3000, SCENARIO_PLAIN},
      {"wrong-protocol target=m5_cobot chance=0.05", 7, SCENARIO_PLAIN}}},
    {"X09",
     "protocol",
     "m6_vision",
     {"BCD invalide", "BCD ungültig", "Invalid BCD"},
     NULL,
     false,
     {{"raw target=m6_vision tag=rejects_total", 4772, SCENARIO_PLAIN}}},
    {"C01",
     "counter",
     "m4_oven",
     {"Débordement 16 bits", "16-Bit-Überlauf", "Counter wrap"},
     NULL,
     false,
     {{"set tag=batches", 65535, SCENARIO_PLAIN}}},
    {"C02",
     "counter",
     "m4_oven",
     {"Rebond à zéro", "Null-Sprung", "Zero bounce"},
     "2s",
     false,
     {{"raw target=m4_oven tag=energy", 0, SCENARIO_PLAIN}}},
    {"C03",
     "counter",
     "m4_oven",
     {"Compteur remplacé", "Zähler getauscht", "Meter replaced"},
     NULL,
     false,
     {{"set tag=oven_energy", 17, SCENARIO_PLAIN}}},
    {"C04",
     "counter",
     "plc",
     {"Horloge décalée", "Uhr falsch", "Clock drift"},
     NULL,
     false,
     {{"set tag=clock", 3600, SCENARIO_PARAMETER}}},
    {.id = NULL},
};

const struct scenario *scenario_all(void)
{
    return scenarios;
}

/* What stands behind the scenario's id. */
struct wish {
    double strength;
    const char *start;
    const char *duration;
    bool is_hidden;
};

static bool fail(struct fault_error *error, const char *what, const char *text)
{
    (void)snprintf(error->text, sizeof error->text, "%s: \"%.60s\"", what, text);
    return false;
}

static const struct scenario *find(const char *text)
{
    size_t length = strcspn(text, " \t\r\n");
    for (const struct scenario *scenario = scenarios; scenario->id != NULL; scenario++) {
        if (strlen(scenario->id) == length && strncmp(scenario->id, text, length) == 0) {
            return scenario;
        }
    }
    return NULL;
}

/* The rest of the word behind "key=", or NULL. */
static const char *value_of(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static bool read_word(const char *word, struct wish *wish, struct fault_error *error)
{
    static const struct {
        const char *key;
        size_t offset;
    } texts[] = {
        {"start", offsetof(struct wish, start)},
        {"delay", offsetof(struct wish, start)},
        {"duration", offsetof(struct wish, duration)},
    };
    struct decimal decimal;
    const char *strength = value_of(word, "strength");
    if (strength != NULL && units_parse_decimal(strength, &decimal)) {
        wish->strength = decimal_to_double(decimal);
        return wish->strength >= 0 || fail(error, "a number from 0 on", word);
    }
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *value = value_of(word, texts[i].key);
        if (value != NULL) {
            *(const char **)(void *)((char *)wish + texts[i].offset) = value;
            return true;
        }
    }
    if (strcmp(word, "hidden") == 0 || strcmp(word, "shown") == 0) {
        wish->is_hidden = word[0] == 'h';
        return true;
    }
    return fail(error, "a scenario takes strength=, start=, duration=, hidden, shown", word);
}

static double scale(const struct scenario_fault *fault, double strength)
{
    const char *parameter = strrchr(fault->text, '=');
    double usual = fault->scale == SCENARIO_PARAMETER && parameter != NULL
                       ? line_usual_parameter(parameter + 1)
                       : 0.0;
    usual = usual < 0 ? 0.0 : usual; /* negative: there is no usual value */
    double value = usual + strength * (fault->value - usual);
    /* No strength turns a quantity into its opposite. */
    return fault->scale == SCENARIO_PLAIN      ? fault->value
           : (value < 0) == (fault->value < 0) ? value
                                               : 0.0;
}

static unsigned add_fault(struct faults *faults, const struct scenario_fault *fault,
                          const struct wish *wish, uint64_t steps, struct fault_error *error)
{
    char text[FAULT_TEXT_MAX];
    int length = snprintf(
        text, sizeof text, "%s value=%.12g start=%s%s%s%s", fault->text,
        scale(fault, wish->strength), wish->start, wish->duration != NULL ? " duration=" : "",
        wish->duration != NULL ? wish->duration : "", wish->is_hidden ? " hidden" : "");
    if (length < 0 || (size_t)length >= sizeof text) {
        (void)fail(error, "the line is too long", wish->start);
        return 0;
    }
    return faults_add(faults, text, steps, error);
}

static unsigned add_all(struct faults *faults, const struct scenario *scenario,
                        const struct wish *wish, uint64_t steps, struct fault_error *error)
{
    unsigned group = 0;
    if (scenario->faults[0].text == NULL) {
        (void)fail(error, "this concerns the broker, not a device: stop or slow it down itself",
                   scenario->id);
    }
    for (size_t i = 0; i < SCENARIO_FAULTS_MAX && scenario->faults[i].text != NULL; i++) {
        unsigned id = add_fault(faults, &scenario->faults[i], wish, steps, error);
        if (id == 0 && group != 0) {
            (void)faults_clear(faults, group);
        }
        if (id == 0) {
            return 0;
        }
        group = group == 0 ? id : group;
        faults_join(faults, id, group, scenario->id);
    }
    return group;
}

unsigned scenario_add(struct faults *faults, const char *text, uint64_t steps,
                      struct fault_error *error)
{
    const struct scenario *scenario = find(text);
    if (scenario == NULL) {
        return faults_add(faults, text, steps, error);
    }
    char words[FAULT_TEXT_MAX];
    struct wish wish = {
        .strength = 1.0,
        .start = "0s",
        .duration = scenario->duration,
        .is_hidden = scenario->is_hidden,
    };
    if ((size_t)snprintf(words, sizeof words, "%s", text) >= sizeof words) {
        (void)fail(error, "the line is too long", text);
        return 0;
    }
    char *rest = NULL;
    (void)strtok_r(words, " \t\r\n", &rest); /* the scenario's id */
    const char *word = NULL;
    while ((word = strtok_r(NULL, " \t\r\n", &rest)) != NULL) {
        if (!read_word(word, &wish, error)) {
            return 0;
        }
    }
    return add_all(faults, scenario, &wish, steps, error);
}
