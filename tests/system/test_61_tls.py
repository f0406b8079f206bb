"""mqtts: the right certificate connects, every wrong one is refused with a sentence."""

import subprocess

import certificates
import harness


class Tls(harness.Scenario):
    def setUp(self):
        super().setUp()
        self.authority = certificates.Authority(self.dir, "authority")
        self.simulated = None

    def tls_broker(self, host="localhost", is_expired=False, settings=(), **keys):
        certificate, key = self.authority.issue("server", host, is_expired)
        return self.broker(settings=[f"cafile {self.authority.path}", f"certfile {certificate}",
                                     f"keyfile {key}", *settings], **keys)

    def build(self, broker, host="localhost", **keys):
        factory = self.pattern_factory(1, 3, "100 ms")
        factory.broker(broker.port, "mqtts", host, ca_file=self.authority.path, **keys)
        self.simulator(factory)
        return factory

    def check_connects(self, factory):
        gateway = self.gateway(factory)
        gateway.wait_line(r"^<6>publisher .*event=connected", 15)
        harness.wait_until(lambda: harness.journal_rows(factory.journal_path), 10, "a sample")
        return gateway

    def check_refused(self, factory, words):
        gateway = self.gateway(factory)
        line = gateway.wait_line(rf'(?i)^<[34]>publisher .*reason="[^"]*({words})', 15).string
        start = len(harness.journal_rows(factory.journal_path))
        harness.wait_until(
            lambda: len(harness.journal_rows(factory.journal_path)) > start + 10, 10,
            "polling and journal to go on")
        self.assertNotRegex(gateway.log, r"event=connected")
        return gateway, line

    @harness.quick
    def test_the_right_certificate_connects(self):
        self.check_connects(self.build(self.tls_broker()))

    def test_the_right_certificate_of_an_address_connects(self):
        self.check_connects(self.build(self.tls_broker("127.0.0.1"), host="127.0.0.1"))

    @harness.quick
    def test_a_certificate_of_another_host_is_refused(self):
        self.check_refused(self.build(self.tls_broker("elsewhere.example")),
                           "for another host")

    def test_an_expired_certificate_is_refused(self):
        self.check_refused(self.build(self.tls_broker(is_expired=True)),
                           "expired")

    def test_an_unknown_authority_is_refused(self):
        factory = self.build(self.tls_broker())
        stranger = certificates.Authority(self.dir, "stranger")
        self.check_refused(factory.set("broker", ca_file=stranger.path),
                           "not signed by an authority")

    def test_a_client_certificate_works(self):
        broker = self.tls_broker(settings=["require_certificate true",
                                           "use_identity_as_username true"])
        certificate, key = self.authority.issue("client")
        self.check_connects(self.build(broker, cert_file=certificate, key_file=key))

    def test_without_the_client_certificate_it_is_refused(self):
        broker = self.tls_broker(settings=["require_certificate true"])
        self.check_refused(self.build(broker), "client certificate")

    def with_password(self, password):
        passwords = self.dir / "passwords"
        subprocess.run(["mosquitto_passwd", "-c", "-b", passwords, "gateway", "right secret"],
                       check=True, capture_output=True)
        secret = self.dir / "secret"
        secret.write_text(password + "\n")
        broker = self.tls_broker(settings=[f"password_file {passwords}"], is_open=False)
        return self.build(broker, username="gateway", password_file=secret)

    @harness.quick
    def test_the_password_of_a_file_works_and_is_told_nowhere(self):
        gateway = self.check_connects(self.with_password("right secret"))
        self.assertNotIn("right secret", gateway.log)

    @harness.quick
    def test_a_wrong_password_is_said_once_and_polling_goes_on(self):
        gateway, line = self.check_refused(self.with_password("wrong secret"),
                                           "refused user gateway")
        harness.let_pass(6)
        told = [text for text in gateway.lines if text.startswith(("<3>", "<4>"))
                and ("mqtt" in text or "publisher" in text or "broker" in text)]
        self.assertEqual(told, [line], "said once, not at every try")
        self.assertNotIn("wrong secret", gateway.log)

    def test_a_wrong_password_in_3_1_1(self):
        factory = self.with_password("wrong secret").set("broker", version="3.1.1")
        self.check_refused(factory, "refused user gateway")
