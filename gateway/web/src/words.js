// Every word of the page, in three languages: one row a key. `{n}` stands for what is put in.
// How to add a language: one more column here, one more line in LANGUAGES, one in format.js.

export const LANGUAGES = ["fr", "de", "en"];
export const NAMES = { fr: "Français", de: "Deutsch", en: "English" };

/* eslint-disable max-len */
export const WORDS = {
  // pages
  "page.wall": ["Tableau d’atelier", "Hallentafel", "Shop-floor board"],
  "page.bus": ["Bus Modbus", "Modbus-Bus", "Modbus bus"],
  "page.topics": ["Topics MQTT", "MQTT-Topics", "MQTT topics"],
  "page.lab": ["Scénarios", "Szenarien", "Scenarios"],
  "page.trace": ["Du registre au topic", "Vom Register zum Topic", "From register to topic"],
  "page.lost": ["Cette page n’existe pas.", "Diese Seite gibt es nicht.", "There is no such page."],
  "page.skip": ["Aller au contenu", "Zum Inhalt", "Skip to content"],
  "page.language": ["Langue", "Sprache", "Language"],
  "page.menu": ["Navigation", "Seiten", "Pages"],
  "page.loading": ["Chargement…", "Wird geladen…", "Loading…"],

  // machine states
  "state.stopped": ["Arrêtée", "Gestoppt", "Stopped"],
  "state.idle": ["En attente", "Bereit", "Idle"],
  "state.execute": ["En production", "In Produktion", "Running"],
  "state.suspended": ["Attend amont/aval", "Wartet (Zu-/Abfluss)", "Starved/blocked"],
  "state.held": ["Maintenue", "Angehalten", "Held"],
  "state.aborted": ["En défaut", "Störung", "Fault"],
  "state.offline": ["Hors ligne", "Offline", "Offline"],
  "state.online": ["En ligne", "Verbunden", "Online"],
  "state.silent": ["Plus de nouvelles", "Keine Nachricht", "No news"],
  "state.unknown": ["Inconnu", "Unbekannt", "Unknown"],
  "state.since": ["depuis {n}", "seit {n}", "for {n}"],

  "lamp.red": ["Colonne : rouge", "Signalsäule: rot", "Stack light: red"],
  "lamp.yellow": ["Colonne : jaune", "Signalsäule: gelb", "Stack light: yellow"],
  "lamp.green": ["Colonne : vert", "Signalsäule: grün", "Stack light: green"],
  "lamp.": ["Colonne : éteinte", "Signalsäule: aus", "Stack light: off"],

  // quality
  "quality.good": ["Bonne", "Gut", "Good"],
  "quality.uncertain": ["Incertaine", "Unsicher", "Uncertain"],
  "quality.bad": ["Mauvaise", "Schlecht", "Bad"],
  "side.low": ["trop bas", "zu niedrig", "too low"],
  "side.high": ["trop haut", "zu hoch", "too high"],
  "band.normal": ["normal : {low} à {high} {unit}", "normal: {low} bis {high} {unit}", "normal: {low} to {high} {unit}"],
  "value.true": ["oui", "ja", "yes"],
  "value.false": ["non", "nein", "no"],
  "value.last": ["dernière : {v}", "zuletzt: {v}", "last: {v}"],
  "age.now": ["à l’instant", "gerade eben", "just now"],
  "age.never": ["jamais", "nie", "never"],

  // reasons of bad readings and of lost links
  "reason.timeout": ["ne répond pas", "antwortet nicht", "does not answer"],
  "reason.no-link": ["pas de liaison", "keine Verbindung", "no connection"],
  "reason.refused": ["connexion refusée", "Verbindung abgelehnt", "connection refused"],
  "reason.closed": ["liaison fermée", "Verbindung geschlossen", "connection closed"],
  "reason.sentinel": ["pas de valeur", "kein Wert", "no value"],
  "reason.over-range": ["au-dessus de la plage", "über dem Bereich", "above its range"],
  "reason.under-range": ["sous la plage", "unter dem Bereich", "below its range"],
  "reason.not-a-number": ["pas un nombre", "keine Zahl", "not a number"],
  "reason.bad-encoding": ["codage invalide", "ungültige Kodierung", "invalid encoding"],
  "reason.exception": ["exception Modbus {n}", "Modbus-Ausnahme {n}", "Modbus exception {n}"],
  "reason.other": ["en défaut", "gestört", "disturbed"],

  // wall
  "wall.calm": ["Tout va bien", "Alles in Ordnung", "All is well"],
  "wall.look": ["{n} à regarder", "{n} auffällig", "{n} to look at"],
  "wall.waiting": ["En attente des machines", "Warten auf die Maschinen", "Waiting for the machines"],
  "wall.history": ["15 dernières minutes", "die letzten 15 Minuten", "the last 15 minutes"],
  "wall.broker": ["Broker MQTT", "MQTT-Broker", "MQTT broker"],
  "wall.backlog": ["En attente d’envoi", "Noch zu senden", "Backlog"],
  "wall.power": ["Puissance", "Leistung", "Power"],
  "wall.good": ["Pièces bonnes", "Gutteile", "Good parts"],
  "wall.rate": ["Lectures", "Messwerte", "Readings"],
  "wall.samples": ["échantillons", "Messungen", "samples"],
  "wall.today": ["aujourd’hui", "heute", "today"],
  "wall.scrap": ["{n} rebuts", "{n} Ausschuss", "{n} scrap"],
  "wall.oldest": ["le plus ancien : {n}", "ältester: {n}", "oldest: {n}"],
  "wall.empty": ["tout est envoyé", "alles gesendet", "all is sent"],
  "wall.events": ["Derniers événements", "Letzte Ereignisse", "Latest events"],
  "wall.second": ["/s", "/s", "/s"],

  // machine
  "machine.tags": ["Valeurs", "Werte", "Values"],
  "machine.tag": ["Grandeur", "Größe", "Quantity"],
  "machine.value": ["Valeur", "Wert", "Value"],
  "machine.quality": ["Qualité", "Qualität", "Quality"],
  "machine.age": ["Âge", "Alter", "Age"],
  "machine.where": ["Registre", "Register", "Register"],
  "machine.trend": ["Courbe", "Kurve", "Trend"],
  "machine.trends": ["Courbes", "Kurven", "Trends"],
  "machine.states": ["États", "Zustände", "States"],
  "machine.past": ["Historique", "Verlauf", "History"],
  "machine.events": ["Derniers événements", "Letzte Ereignisse", "Latest events"],
  "machine.hint": ["Cliquez une valeur : d’où vient-elle ?", "Einen Wert anklicken: woher kommt er?", "Click a value: where does it come from?"],
  "machine.polls": ["Lectures", "Abfragen", "Polls"],
  "machine.failed": ["Échouées", "Gescheitert", "Failed"],
  "machine.missed": ["Manquées", "Ausgelassen", "Missed"],
  "table.coil": ["bobine", "Coil", "coil"],
  "table.discrete": ["entrée TOR", "Diskreter Eingang", "discrete input"],
  "table.holding": ["reg. maintien", "Halteregister", "holding reg."],
  "table.input": ["reg. entrée", "Eingangsregister", "input reg."],
  "trend.span": ["Durée affichée", "Gezeigte Dauer", "Time shown"],
  "trend.zoom": ["Zoom", "Zoom", "Zoom"],
  "trend.back": ["Reculer (←)", "Zurück (←)", "Back (←)"],
  "trend.forth": ["Avancer (→)", "Vor (→)", "Forward (→)"],
  "trend.in": ["Agrandir (+)", "Vergrößern (+)", "Zoom in (+)"],
  "trend.out": ["Réduire (−)", "Verkleinern (−)", "Zoom out (−)"],
  "trend.live": ["en direct", "läuft mit", "live"],
  "trend.still": ["arrêté ici ; 0 : revenir au direct", "angehalten; 0: wieder live", "paused; 0: back to live"],
  "trend.hint": ["glisser pour agrandir, ou ← → + −", "Ziehen vergrößert, oder ← → + −", "drag to zoom, or ← → + −"],

  // bus
  "bus.unit": ["esclave", "Unit", "unit"],
  "bus.pace": ["Rythme obtenu / demandé", "Takt erreicht / gewünscht", "Pace achieved / asked"],

  "bus.hint": ["Chaque liaison : ce qui est demandé, ce qui revient, octet par octet.", "Jede Verbindung: was gefragt wird, was zurückkommt, Byte für Byte.", "Each connection: what is asked, what comes back, byte by byte."],
  "bus.links": ["Liaisons", "Verbindungen", "Connections"],
  "bus.link": ["Liaison", "Verbindung", "Connection"],
  "bus.state": ["État", "Zustand", "State"],
  "bus.rtt": ["Temps de réponse", "Antwortzeit", "Response time"],
  "bus.rttline": ["min {min} · moyenne {mean} · max {max}", "min {min} · Mittel {mean} · max {max}", "min {min} · mean {mean} · max {max}"],
  "bus.requests": ["Requêtes", "Anfragen", "Requests"],
  "bus.timeouts": ["Sans réponse", "Ohne Antwort", "Timeouts"],
  "bus.exceptions": ["Exceptions", "Ausnahmen", "Exceptions"],
  "bus.noexception": ["aucune", "keine", "none"],
  "bus.bad": ["Réponses fausses", "Falsche Antworten", "Bad replies"],
  "bus.dropped": ["En retard, jetées", "Zu spät, verworfen", "Late, dropped"],
  "bus.opened": ["Connexions", "Neu verbunden", "Connects"],
  "bus.tags": ["{n} valeurs", "{n} Werte", "{n} values"],
  "bus.unused": ["{n} lus pour rien", "{n} umsonst gelesen", "{n} read for nothing"],
  "bus.quarantined": ["refusé par l’appareil, mis à part", "vom Gerät abgelehnt, beiseitegelegt", "refused by the device, set aside"],
  "bus.hold": ["Figer", "Anhalten", "Freeze"],
  "bus.resume": ["Reprendre", "Weiter", "Resume"],
  "link.open": ["Ouverte", "Offen", "Open"],
  "link.closed": ["Fermée", "Geschlossen", "Closed"],
  "link.waiting": ["Absente", "Getrennt", "Away"],
  "frame.request": ["Requête", "Anfrage", "Request"],
  "frame.reply": ["Réponse", "Antwort", "Reply"],
  "frame.none": ["aucun octet", "kein Byte", "no byte"],
  "field.transaction": ["transaction", "Transaktion", "transaction"],
  "field.protocol": ["protocole", "Protokoll", "protocol"],
  "field.length": ["longueur", "Länge", "length"],
  "field.unit": ["esclave", "Unit", "unit"],
  "field.function": ["fonction", "Funktion", "function"],
  "field.address": ["adresse", "Adresse", "address"],
  "field.count": ["nombre", "Anzahl", "count"],
  "field.bytes": ["octets", "Bytes", "bytes"],
  "field.exception": ["exception", "Ausnahme", "exception"],
  "field.register": ["reg.", "Reg.", "reg."],
  "field.bits": ["bits dès", "Bits ab", "bits from"],
  "function.0": ["?", "?", "?"],
  "function.1": ["lire bobines", "Coils lesen", "read coils"],
  "function.2": ["lire entrées TOR", "Diskrete Eingänge lesen", "read discrete inputs"],
  "function.3": ["lire maintien", "Halteregister lesen", "read holding"],
  "function.4": ["lire entrées", "Eingangsregister lesen", "read input"],
  "function.refused": ["refusé", "abgelehnt", "refused"],
  "exception.1": ["fonction inconnue", "Funktion unbekannt", "unknown function"],
  "exception.2": ["adresse inexistante", "Adresse gibt es nicht", "no such address"],
  "exception.3": ["valeur refusée", "Wert abgelehnt", "value refused"],
  "exception.4": ["panne de l’appareil", "Gerätefehler", "device failure"],
  "exception.5": ["pris en compte, plus tard", "angenommen, später", "acknowledged, later"],
  "exception.6": ["occupé", "beschäftigt", "busy"],
  "exception.8": ["erreur de parité mémoire", "Speicherparitätsfehler", "memory parity error"],
  "exception.10": ["passerelle sans chemin", "Gateway ohne Pfad", "gateway without path"],
  "exception.11": ["la cible ne répond pas", "Ziel antwortet nicht", "target does not answer"],

  // topics
  "topics.hint": ["Choisissez un topic, copiez une ligne, écoutez.", "Topic wählen, Zeile kopieren, mithören.", "Choose a topic, copy a line, listen."],
  "topics.machines": ["Machines", "Maschinen", "Machines"],
  "topics.retained": ["retenu", "behalten", "retained"],
  "topics.passing": ["au passage", "flüchtig", "passing"],
  "topics.retained.why": ["Le broker garde le dernier : un nouvel abonné le reçoit aussitôt.", "Der Broker behält den letzten: neue Abonnenten bekommen ihn sofort.", "The broker keeps the last one: a new subscriber gets it at once."],
  "topics.passing.why": ["Seul qui écoute déjà le reçoit.", "Nur wer schon zuhört, bekommt ihn.", "Only who listens already gets it."],
  "topics.listen": ["Écouter", "Mithören", "Listen"],
  "topics.qr": ["Cette page sur un téléphone", "Diese Seite auf dem Telefon", "This page on a phone"],
  "copy.copy": ["Copier", "Kopieren", "Copy"],
  "copy.done": ["Copié ✓", "Kopiert ✓", "Copied ✓"],
  "copy.shell": ["Terminal (mosquitto_sub)", "Terminal (mosquitto_sub)", "Terminal (mosquitto_sub)"],
  "copy.python": ["Python (paho-mqtt)", "Python (paho-mqtt)", "Python (paho-mqtt)"],
  "copy.nodered": ["Node-RED (importer)", "Node-RED (importieren)", "Node-RED (import)"],

  // trace
  "trace.request": ["La question", "Die Frage", "The question"],
  "trace.request.why": ["Douze octets : qui, quelle fonction, quelle adresse, combien.", "Zwölf Bytes: wer, welche Funktion, welche Adresse, wie viele.", "Twelve bytes: who, which function, which address, how many."],
  "trace.reply": ["La réponse", "Die Antwort", "The answer"],
  "trace.reply.why": ["Même transaction, même esclave, même fonction : sinon elle est jetée. Encadré : notre valeur.", "Gleiche Transaktion, Unit und Funktion, sonst wird sie verworfen. Umrandet: unser Wert.", "Same transaction, unit and function, else it is dropped. Framed: our value."],
  "trace.registers": ["Les registres", "Die Register", "The registers"],
  "trace.registers.why": ["Deux octets font un registre de 16 bits.", "Zwei Bytes sind ein Register mit 16 Bit.", "Two bytes make a register of 16 bits."],
  "trace.orders": ["L’ordre des octets", "Die Reihenfolge der Bytes", "The order of bytes"],
  "trace.orders.why": ["Les mêmes octets, lus dans chaque ordre : un seul a un sens.", "Dieselben Bytes in jeder Reihenfolge: nur eine ergibt Sinn.", "The same bytes, read in each order: only one makes sense."],
  "trace.order": ["Ordre", "Reihenfolge", "Order"],
  "trace.read": ["Se lit", "Gelesen als", "Reads as"],
  "trace.chosen": ["celui de la table", "laut Tabelle", "the map’s"],
  "trace.sentinel": ["Est-ce une valeur ?", "Ist es ein Wert?", "Is it a value?"],
  "trace.sentinel.why": ["Certains appareils envoient un code quand il n’y a pas de valeur.", "Manche Geräte senden einen Code, wenn es keinen Wert gibt.", "Some devices send a code when there is no value."],
  "sentinel.none": ["Aucun code n’est convenu.", "Kein Code ist vereinbart.", "No code is agreed."],
  "sentinel.absent": ["= pas de valeur", "= kein Wert", "= no value"],
  "sentinel.over": ["= trop haut", "= zu hoch", "= too high"],
  "sentinel.under": ["= trop bas", "= zu niedrig", "= too low"],
  "sentinel.hit": ["C’est un code : pas de nombre.", "Es ist ein Code: keine Zahl.", "It is a code: no number."],
  "sentinel.missed": ["C’est une valeur.", "Es ist ein Wert.", "It is a value."],
  "trace.scale": ["L’échelle", "Die Skalierung", "The scale"],
  "trace.scale.why": ["brut × facteur + décalage = valeur", "roh × Faktor + Versatz = Wert", "raw × factor + offset = value"],
  "trace.plain": ["Rien à calculer ici.", "Hier ist nichts zu rechnen.", "Nothing to compute here."],
  "trace.words": ["Le nombre est publié comme mot.", "Die Zahl wird als Wort veröffentlicht.", "The number is published as a word."],
  "trace.quality": ["La qualité", "Die Qualität", "The quality"],
  "trace.quality.why": ["Hors de la plage : incertaine. Pas lue : mauvaise.", "Außerhalb des Bereichs: unsicher. Nicht gelesen: schlecht.", "Out of range: uncertain. Not read: bad."],
  "trace.norange": ["Pas de plage donnée.", "Kein Bereich angegeben.", "No range given."],
  "trace.journal": ["Le journal", "Das Journal", "The journal"],
  "trace.journal.why": ["Écrit sur disque avant d’être envoyé : rien ne se perd.", "Vor dem Senden auf Platte geschrieben: nichts geht verloren.", "Written to disk before it is sent: nothing is lost."],
  "trace.topic": ["Le topic", "Das Topic", "The topic"],
  "trace.topic.why": ["Publié, puis répété jusqu’à l’accusé du broker (PUBACK).", "Veröffentlicht und wiederholt bis zur Quittung (PUBACK).", "Published, and repeated until the broker’s PUBACK."],
  "trace.puback": ["Le broker l’a reçu (PUBACK).", "Der Broker hat es (PUBACK).", "The broker has it (PUBACK)."],
  "trace.waiting.broker": ["Attend le broker : gardé dans le journal.", "Wartet auf den Broker: im Journal aufbewahrt.", "Waits for the broker: kept in the journal."],
  "trace.waiting.journal": ["Attend le journal.", "Wartet auf das Journal.", "Waits for the journal."],
  "trace.again": ["Relire", "Nochmal lesen", "Read again"],
  "trace.arming": ["On suit la prochaine lecture…", "Die nächste Abfrage wird verfolgt…", "Following the next poll…"],
  "trace.times": ["Temps de chaque étape", "Zeit je Schritt", "Time of each step"],
  "trace.machine": ["Machine", "Maschine", "Machine"],
  "time.request": ["question → réponse", "Frage → Antwort", "question → answer"],
  "time.decode": ["décoder", "dekodieren", "decode"],
  "time.queue": ["attendre le groupe", "auf die Gruppe warten", "wait for the group"],
  "time.commit": ["écrire sur disque", "auf Platte schreiben", "write to disk"],
  "time.publish": ["publier", "senden", "publish"],
  "time.puback": ["accusé du broker", "Quittung des Brokers", "broker’s PUBACK"],
  "time.all": ["en tout", "insgesamt", "in all"],

  // lab
  "lab.hint": ["Faire arriver une panne dans l’usine simulée, et la laisser trouver.", "In der simulierten Fabrik einen Fehler auslösen und ihn suchen lassen.", "Let a fault happen in the simulated factory, and let it be found."],
  "lab.off": ["Aucun simulateur n’est relié : [web] lab.", "Kein Simulator verbunden: [web] lab.", "No simulator is connected: [web] lab."],
  "lab.pin": ["Code formateur", "PIN für Ausbilder", "Instructor’s PIN"],
  "lab.enter": ["Entrer", "Anmelden", "Enter"],
  "lab.wrong": ["Ce n’est pas le bon code.", "Das ist nicht die richtige PIN.", "That is not the right PIN."],
  "lab.learner": ["Sans code, on voit les scénarios ; on n’en déclenche pas.", "Ohne PIN sieht man die Szenarien, löst aber keine aus.", "Without the PIN scenarios are seen, not started."],
  "lab.strength": ["Intensité", "Stärke", "Strength"],
  "lab.delay": ["Commence", "Beginn", "Starts"],
  "lab.delay.none": ["tout de suite", "sofort", "at once"],
  "lab.duration": ["Pendant", "Dauer", "For"],
  "lab.duration.none": ["jusqu’au rétablissement", "bis zurückgesetzt", "until cleared"],
  "lab.hide": ["Masquer aux apprenants", "Vor Lernenden verbergen", "Hide from learners"],
  "lab.hidden": ["masqué", "verborgen", "hidden"],
  "lab.inject": ["Déclencher", "Auslösen", "Inject"],
  "lab.clear": ["Rétablir", "Zurücksetzen", "Clear"],
  "lab.clearall": ["Tout rétablir", "Alles zurücksetzen", "Clear all"],
  "lab.reveal": ["Révéler", "Aufdecken", "Reveal"],
  "lab.active": ["En cours", "Läuft", "Running"],
  "lab.running": ["en cours", "läuft", "running"],
  "lab.delayed": ["pas encore commencé", "noch nicht begonnen", "not begun yet"],
  "lab.left": ["reste {n}", "noch {n}", "{n} left"],
  "lab.nothing": ["Rien.", "Nichts.", "Nothing."],
  "lab.log": ["Ce qui a été fait", "Was getan wurde", "What was done"],
  "lab.outside": ["Concerne le broker : à faire à la main, il n’est pas simulé.", "Betrifft den Broker: von Hand, er ist nicht simuliert.", "Concerns the broker: by hand, it is not simulated."],
  "lab.did.inject": ["déclenché", "ausgelöst", "injected"],
  "lab.did.clear": ["rétabli", "zurückgesetzt", "cleared"],
  "lab.did.hide": ["masqué", "verborgen", "hidden"],
  "lab.did.reveal": ["révélé", "aufgedeckt", "revealed"],
  "kind.process": ["Procédé", "Prozess", "Process"],
  "kind.sensor": ["Capteurs", "Sensoren", "Sensors"],
  "kind.network": ["Réseau", "Netzwerk", "Network"],
  "kind.protocol": ["Protocole", "Protokoll", "Protocol"],
  "kind.counter": ["Compteurs et horloges", "Zähler und Uhren", "Counters and clocks"],
  "target.line": ["toute la ligne", "ganze Linie", "whole line"],
  "target.room": ["la salle", "der Raum", "the room"],
  "target.broker": ["le broker", "der Broker", "the broker"],
  "target.plc": ["les automates", "die Steuerungen", "the controllers"],

  "broker.connected": ["Connecté", "Verbunden", "Connected"],
  "broker.connecting": ["Connexion…", "Verbindet…", "Connecting…"],
  "broker.down": ["Absent", "Nicht erreichbar", "Away"],

  // events, as named in MQTT's event/… topics
  "event.none": ["Rien à signaler.", "Nichts zu melden.", "Nothing to report."],
  "event.link-lost": ["ne répond plus", "antwortet nicht mehr", "stopped answering"],
  "event.link-back": ["répond de nouveau", "antwortet wieder", "answers again"],
  "event.backlog-started": ["broker absent, le retard commence", "Broker fehlt, Rückstand beginnt", "broker away, backlog begins"],
  "event.backlog-drained": ["retard entièrement envoyé", "Rückstand ganz gesendet", "backlog all sent"],
  "event.evicted": ["mesures perdues : journal plein", "Messwerte verloren: Journal voll", "samples lost: journal full"],
  "event.rejected": ["message refusé par le broker", "Broker hat eine Nachricht abgelehnt", "broker refused a message"],
  "event.damaged": ["ligne du journal abîmée", "Journalzeile beschädigt", "damaged journal row"],
  "event.journal-held": ["un lecteur retient le journal", "ein Leser hält das Journal fest", "a reader holds the journal"],
  "event.journal-damaged": ["journal abîmé, remplacé", "Journal beschädigt, ersetzt", "journal damaged, replaced"],
  "event.gateway": ["Passerelle", "Gateway", "Gateway"],

  "msg.simulated": ["Données simulées", "Simulierte Daten", "Simulated data"],
  "msg.buffering": ["Broker absent : les mesures sont gardées", "Broker fehlt: Messwerte werden gepuffert", "Broker down: readings are being kept"],
  "msg.recovered": ["Broker revenu : envoi du retard", "Broker wieder da: Rückstand wird gesendet", "Broker back: sending backlog"],
  "msg.drained": ["Broker revenu : tout le retard est envoyé", "Broker wieder da: Rückstand ist gesendet", "Broker back: all the backlog is sent"],
  "msg.waiting": ["en attente d’envoi", "noch zu senden", "waiting to be sent"],
  "msg.silent": ["La passerelle ne répond plus : rien ci-dessous n’est actuel", "Das Gateway antwortet nicht mehr: nichts hier ist aktuell", "The gateway no longer answers: nothing below is current"],
  "msg.journal": ["Le journal n’écrit plus : place ou disque à vérifier", "Das Journal schreibt nicht mehr: Platz oder Platte prüfen", "The journal cannot be written: check space and disk"],
  "msg.held": ["Un lecteur retient le journal : il grossit", "Ein Leser hält das Journal fest: es wächst", "A reader holds the journal: it grows"],
  "msg.unreachable": ["La passerelle ne répond pas.", "Das Gateway antwortet nicht.", "The gateway does not answer."],
};
/* eslint-enable max-len */

let chosen = 0;

export function choose(code) {
  chosen = Math.max(0, LANGUAGES.indexOf(code));
}

export function language() {
  return LANGUAGES[chosen];
}

/** The word for a key; a key without a word is shown as it is, so that it is seen. */
export function t(key, values) {
  const row = WORDS[key];
  if (!row) {
    return key;
  }
  return values ? row[chosen].replace(/\{(\w+)\}/g, (_, name) => values[name]) : row[chosen];
}

export function has(key) {
  return key in WORDS;
}

/** The title in the reader's language of what carries titles; else its name. */
export function titleOf(thing) {
  const titles = thing.titles || {};
  return titles[language()] || titles.en || titles.fr || thing.name;
}
