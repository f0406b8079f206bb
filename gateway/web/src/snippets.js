// What to type to hear a topic: texts that work as they are copied. Pure.

const LOOPBACK = /^(127\.|localhost$|\[?::1\]?$|0\.0\.0\.0$)/;

/** The broker as a reader of this page reaches it: a broker on the gateway's own machine is where the
 *  page came from. */
export function brokerOf(url, pageHost) {
  const match = /^(mqtts?):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?/.exec(url);
  const isSecure = match[1] === "mqtts";
  const host = LOOPBACK.test(match[2]) && pageHost ? pageHost : match[2];
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(match[3] || (isSecure ? 8883 : 1883)), isSecure };
}

const quote = (text) => `'${text.replace(/'/g, "'\\''")}'`;

export function shell({ host, port, isSecure }, topic) {
  return `mosquitto_sub -h ${host} -p ${port} -v${isSecure ? " --tls-use-os-certs" : ""} -t ${quote(topic)}`;
}

export function python({ host, port, isSecure }, topic) {
  return `import paho.mqtt.subscribe as subscribe


def show(client, userdata, message):
    print(message.topic, message.payload.decode(), flush=True)


subscribe.callback(show, ${JSON.stringify(topic)}, hostname=${JSON.stringify(host)}, port=${port}${isSecure ? ", tls={}" : ""})
`;
}

/** A flow for Node-RED's import: the topic, a debug node, the broker's settings. */
export function nodeRed({ host, port, isSecure }, topic) {
  const flow = [
    { id: "formlab-tab", type: "tab", label: "FORMLAB" },
    { id: "formlab-broker", type: "mqtt-broker", name: "FORMLAB", broker: host, port: String(port), usetls: isSecure,
      protocolVersion: "5", keepalive: "60", cleansession: true },
    { id: "formlab-in", type: "mqtt in", z: "formlab-tab", name: topic, topic, qos: "1", datatype: "auto-detect",
      broker: "formlab-broker", inputs: 0, x: 180, y: 80, wires: [["formlab-debug"]] },
    { id: "formlab-debug", type: "debug", z: "formlab-tab", name: "", active: true, tosidebar: true, complete: "payload",
      targetType: "msg", x: 420, y: 80, wires: [] },
  ];
  return JSON.stringify(flow, null, 2);
}
