package record

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Findings about signatures and encryption.
const (
	FindingRolled         Finding = "rolled"          // signed with a certificate that the profile does not have
	FindingRolledFollowed Finding = "rolled_followed" // though its metadata is followed
	FindingWaiting        Finding = "waiting"         // one that waits for a decision
	FindingRefusedHere    Finding = "refused"         // one that an administrator has refused
	FindingDistrusted     Finding = "distrusted"      // one that an administrator distrusts
	FindingKeyNotNamed    Finding = "key_not_named"   // no certificate of the profile fits, and none is sent along
	FindingOnlyAssertion  Finding = "only_assertion"  // the response is not signed, as the profile demands
	FindingNotOffered     Finding = "not_offered"     // encrypted, though our metadata offers no certificate
	FindingInClear        Finding = "in_clear"        // not encrypted, as the profile demands
	FindingAlgorithm      Finding = "algorithm"       // encrypted in a way that is not accepted
	FindingOtherKey       Finding = "other_key"       // encrypted for another key
	FindingNotSigned      Finding = "request_not_signed"
)

var fingerprint = regexp.MustCompile(`SHA-256 ([0-9a-f]{64})`)

// described takes a certificate's description apart: its subject and fingerprint.
func described(text string) (subject, sha256 string) {
	m := fingerprint.FindStringSubmatchIndex(text)
	if m == nil {
		return text, ""
	}
	return strings.TrimSuffix(strings.TrimSpace(text[:m[0]]), ","), text[m[2]:m[3]]
}

func (k *problem) certificate() {
	subject, sha256 := described(k.check.Found)
	if sha256 == "" {
		return
	}
	k.why = fmt.Sprintf("The answer is signed with the certificate %s, SHA-256 %s, which is not in use here.", subject, colons(sha256))
	for known := range strings.SplitSeq(k.check.Expected, "; ") {
		if name, _ := described(known); name == subject {
			k.why += " One in use has the same name: this may be its successor."
			break
		}
	}
	switch {
	case slices.Contains(k.Distrusted, sha256):
		k.finding = FindingDistrusted
		k.why += " An administrator distrusts it."
	case slices.Contains(k.Refused, sha256):
		k.finding = FindingRefusedHere
		k.why += " An administrator has refused it."
	case slices.Contains(k.Waiting, sha256):
		k.finding = FindingWaiting
		k.why += " It stands in the metadata and waits for a decision."
	case k.MetadataURL == "":
		k.finding = FindingRolled
	default:
		k.finding = FindingRolledFollowed
		if !k.FetchedAt.IsZero() {
			k.why += fmt.Sprintf(" The metadata was fetched last at %s and did not hold it.", k.FetchedAt.UTC().Format(layoutClock))
		}
	}
}

// colons writes a fingerprint as most products show it.
func colons(sha256 string) string {
	var b strings.Builder
	for i := 0; i < len(sha256); i += 2 {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(strings.ToUpper(sha256[i : i+2]))
	}
	return b.String()
}

func (k *problem) signature() {
	if strings.Contains(k.check.Note, "no configured certificate verifies the signature") {
		k.is(FindingKeyNotNamed, "No certificate of the profile fits the signature, and the message names none: either it was signed with a new key, or it was changed on its way.")
	}
}

func (k *problem) unsigned() {
	if k.check.Found == "only the assertion is signed" || k.check.Found == "the response is not signed" {
		k.is(FindingOnlyAssertion, "The response itself is not signed, as the option \"require a signed response\" demands here.")
		return
	}
	k.why = "Neither the response nor the assertion is signed."
}

func (k *problem) decryption() {
	note := k.check.Note
	switch {
	case k.check.Found == "an assertion in clear":
		k.is(FindingInClear, "The assertion came in clear, and the option \"require encrypted assertions\" is on here.")
	case !k.OfferEncryption:
		k.is(FindingNotOffered, "The assertion is encrypted, although our metadata offers no certificate for that: it has one from earlier, or from elsewhere.")
	case strings.Contains(note, "content encryption"), strings.Contains(note, "key transport"):
		k.is(FindingAlgorithm, note)
	case strings.Contains(note, "it can't be decrypted with our keys"):
		k.is(FindingOtherKey, "None of our keys decrypts it: it was encrypted for another one, such as one that was replaced.")
	}
}

func (k *problem) request() {
	if strings.Contains(k.check.Note, "InResponseTo stands only where it is not signed") {
		k.is(FindingNotSigned, "The message names our request only outside of what is signed, where it proves nothing.")
	}
}

func (k *problem) context() {
	found := k.check.Found
	if found == "" {
		found = "none"
	}
	k.why = fmt.Sprintf("The profile asks for %s, and the Identity Provider reports %s.", k.check.Expected, found)
}
