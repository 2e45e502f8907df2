package saml

import (
	"bytes"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"sallyport/saml/internal/xmltree"
)

const nameIDFormatPrefix = "urn:oasis:names:tc:SAML:1.1:nameid-format:"

// MaxEmail is the length of an e-mail address in octets (RFC 5321, section
// 4.5.3.1.3, less the angle brackets).
const MaxEmail = 254

// nameID wants one e-mail address. Its value counts: the format that goes with
// it is only a warning, for too many Identity Providers get that wrong.
func (v *validation) nameID() {
	if v.nameIDElement.IsZero() {
		v.fail(ruleNameID, "a NameID", []byte("none"), "")
		return
	}
	text, ok := v.nameIDElement.Text()
	value := xmltree.TrimSpace(text)
	if !ok || len(value) == 0 {
		v.fail(ruleNameID, "a NameID with a value", []byte("an empty one"), "")
		return
	}
	v.pass(ruleNameID, "", value)
	format, _ := v.nameIDElement.Attr("Format")
	v.nameIDFormat(format)
	email := string(value)
	if fault := emailFault(email, format); fault != "" {
		v.fail(ruleNameIDEmail, "one e-mail address", value, fault)
		return
	}
	v.pass(ruleNameIDEmail, "one e-mail address", value)
	v.out.Email = email
	v.out.NameID = readNameID(v.nameIDElement)
}

func readNameID(el xmltree.Element) NameID {
	text, _ := el.Text()
	format, _ := el.Attr("Format")
	qualifier, _ := el.Attr("NameQualifier")
	spQualifier, _ := el.Attr("SPNameQualifier")
	return NameID{string(text), nameIDFormatName(format), string(qualifier), string(spQualifier)}
}

// nameIDFormatName returns a format. The usual ones take no memory.
func nameIDFormatName(format []byte) string {
	switch string(format) {
	case nameIDFormatPrefix + "emailAddress":
		return nameIDFormatPrefix + "emailAddress"
	case nameIDFormatPrefix + "unspecified":
		return nameIDFormatPrefix + "unspecified"
	}
	return string(format)
}

func (v *validation) nameIDFormat(format []byte) {
	switch string(format) {
	case "", nameIDFormatPrefix + "emailAddress", nameIDFormatPrefix + "unspecified":
		v.pass(ruleNameIDFormat, nameIDFormatPrefix+"emailAddress", format)
	default:
		v.warn(ruleNameIDFormat, nameIDFormatPrefix+"emailAddress", format, "the value is taken as an e-mail address all the same")
	}
}

var uuid = regexp.MustCompile(`^\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?$`)

// emailFault says why a NameID is no e-mail address, and what to change.
func emailFault(value string, format []byte) string {
	switch {
	case strings.Contains(strings.ToUpper(value), "#EXT#"):
		return "this is the sign-in name of a guest account; have the Identity Provider send the user's mail attribute instead of the user principal name"
	case len(value) > MaxEmail:
		return "an e-mail address has at most 254 octets"
	case validEmail(value):
		return ""
	case uuid.MatchString(value):
		return "this is an internal id of the Identity Provider; have it send the user's e-mail address as NameID"
	case strings.Contains(value, `\`):
		return "this is a Windows account name; have the Identity Provider send the user's e-mail address as NameID"
	case bytes.HasSuffix(format, []byte(":transient")) || bytes.HasSuffix(format, []byte(":persistent")):
		return "this is a pseudonym; set the NameID to the user's e-mail address, with the format emailAddress"
	case !strings.Contains(value, "@"):
		return "this is a user name; have the Identity Provider send the user's e-mail address as NameID"
	}
	return "this is not a single e-mail address"
}

// validEmail reports whether s is one address: a local part of dot-separated
// atoms (RFC 5322, section 3.2.3, and RFC 6531), an @, and a host name. Quoted
// local parts and address literals are left out: nobody signs in with them and
// everybody parses them differently.
func validEmail(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	return ok && utf8.ValidString(s) && len(local) <= 64 && atoms(local) && hostName(domain)
}

func atoms(local string) bool {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !atomChar(r) }) {
			return false
		}
	}
	return true
}

func atomChar(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	}
	return visible(r)
}

// visible leaves out what a person can't see or can't tell from nothing.
func visible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) && !strings.ContainsRune(blank, r) &&
		!unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) && !unicode.Is(unicode.Variation_Selector, r)
}

// blank holds letters and symbols without ink that Unicode does not mark as
// ignorable: blanks of Braille, music, Khitan and hieroglyphs. The last two
// characters stand where a text was damaged.
const blank = "\u2800\U0001D159\U00016FE4\U00013441\U00013442\uFFFC\uFFFD"

func hostName(domain string) bool {
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
			if !letter && (r < utf8.RuneSelf || !visible(r) || !unicode.In(r, unicode.L, unicode.M, unicode.N)) {
				return false
			}
		}
	}
	return true
}
