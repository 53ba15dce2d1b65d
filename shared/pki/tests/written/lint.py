"""Lints every certificate (*.cer) and request (*.csr) in a folder by RFC 5280, with pkilint.

A request is linted as the certificate that a CA would make of it: its subject, key and extensions as they stand,
beside what is the CA's part. Prints a line for each error, and at the end how many files there were.
"""

import pathlib
import sys

from pkilint import finding_filter, loader
from pkilint.cabf.serverauth import serverauth_finding_filter, serverauth_name
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity
from pyasn1.codec.der.decoder import decode
from pyasn1.codec.der.encoder import encode
from pyasn1.type import univ
from pyasn1_alt_modules import rfc2986, rfc5280

EXTENSION_REQUEST = univ.ObjectIdentifier("1.2.840.113549.1.9.14")
AUTHORITY_KEY_IDENTIFIER = univ.ObjectIdentifier("2.5.29.35")

VALIDATOR = certificate.create_pkix_certificate_validator_container(
    certificate.create_decoding_validators(
        name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
    ),
    [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container(
            [serverauth_name.DnsNameLdhLabelSyntaxValidator()]
        ),
        certificate.create_spki_validator_container([]),
    ],
)

# RFC 5280 leaves wildcards open. As pkilint does for public CAs: another rule reads DNS names, one that knows them.
FILTERS = [serverauth_finding_filter.DnsNameGeneralNamePreferredNameSyntaxFilter()]


def certified(request, issuer):
    """The certificate of a request, after the pattern of an issuer's own one."""
    request, rest = decode(request, asn1Spec=rfc2986.CertificationRequest())
    assert not rest
    info = request["certificationRequestInfo"]
    made, _ = decode(issuer, asn1Spec=rfc5280.Certificate())
    made["tbsCertificate"]["subject"] = info["subject"]
    made["tbsCertificate"]["subjectPublicKeyInfo"] = info["subjectPKInfo"]
    extensions = made["tbsCertificate"]["extensions"]
    extensions.clear()
    for attribute in info["attributes"]:
        assert attribute["type"] == EXTENSION_REQUEST, attribute["type"]
        assert len(attribute["values"]) == 1
        asked, rest = decode(attribute["values"][0], asn1Spec=rfc5280.Extensions())
        assert not rest and len(asked) > 0
        extensions.extend(asked)
    add_mailboxes(made["tbsCertificate"])
    issuer_key = rfc5280.AuthorityKeyIdentifier()
    issuer_key["keyIdentifier"] = b"issuer"
    authority = rfc5280.Extension()
    authority["extnID"] = AUTHORITY_KEY_IDENTIFIER
    authority["extnValue"] = encode(issuer_key)
    extensions.append(authority)
    return encode(made)


def add_mailboxes(tbs):
    """An e-mail address of the subject is named among the alternative names too, if not by him who asks."""
    mailboxes = [
        str(decode(attribute["value"])[0])
        for rdn in tbs["subject"]["rdnSequence"]
        for attribute in rdn
        if attribute["type"] == rfc5280.id_emailAddress
    ]
    if not mailboxes:
        return
    names = rfc5280.SubjectAltName()
    for asked in tbs["extensions"]:
        if asked["extnID"] == rfc5280.id_ce_subjectAltName:
            names, _ = decode(asked["extnValue"], asn1Spec=rfc5280.SubjectAltName())
            break
    else:
        asked = rfc5280.Extension()
        asked["extnID"] = rfc5280.id_ce_subjectAltName
        tbs["extensions"].append(asked)
        asked = tbs["extensions"][-1]
    for mailbox in mailboxes:
        general_name = rfc5280.GeneralName()
        general_name["rfc822Name"] = mailbox
        names.append(general_name)
    asked["extnValue"] = encode(names)


def errors(der, label):
    document = loader.RFC5280CertificateDocumentLoader().load_der_document(der, label)
    results, _ = finding_filter.filter_results(FILTERS, VALIDATOR.validate(document.root))
    for result in results:
        for description in result.finding_descriptions:
            if description.finding.severity <= ValidationFindingSeverity.ERROR:
                yield f"{description.finding.code} at {result.node.path}: {description.message}"


def main(folder):
    issuer = (folder / "issuer.cer").read_bytes()
    files = sorted(folder.glob("*.cer")) + sorted(folder.glob("*.csr"))
    for file in files:
        der = file.read_bytes()
        if file.suffix == ".csr":
            der = certified(der, issuer)
        for error in errors(der, file.name):
            print(f"{file.name}: {error}")
    print(f"{len(files)} linted")


main(pathlib.Path(sys.argv[1]))
