"""Certificates for one test, made by the openssl command in the test's own directory."""

import pathlib
import subprocess


def _openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


class Authority:
    """A certificate authority; `path` is what `ca_file` wants."""

    def __init__(self, folder, name):
        self.folder, self.name = pathlib.Path(folder), name
        self.path = self.folder / f"{name}.pem"
        _openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                 "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem",
                 "-addext", "basicConstraints=critical,CA:TRUE")

    def issue(self, name, host="", is_expired=False):
        """(certificate, key) for a server of that host or a client without one."""
        _openssl(self.folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj",
                 f"/CN={host or name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        extension = self.folder / f"{name}.ext"
        kind = "IP" if host.replace(".", "").isdigit() else "DNS"
        extension.write_text(f"subjectAltName={kind}:{host}\n" if host else "")
        # A certificate of minus one day was never valid; openssl x509 makes it all the same.
        _openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", "-CA", self.path.name,
                 "-CAkey", f"{self.name}.key", "-CAcreateserial", "-out", f"{name}.pem",
                 "-days", "-1" if is_expired else "30", "-extfile", extension.name)
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"
