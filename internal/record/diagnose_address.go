package record

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Findings about what has to be the same on both sides, letter by letter.
const (
	FindingSlash             Finding = "slash"              // one of the two ends with one
	FindingScheme            Finding = "scheme"             // http there, https here
	FindingBaseURL           Finding = "base_url"           // https there, http here
	FindingCapitals          Finding = "capitals"           // capitals and small letters
	FindingBlanks            Finding = "blanks"             // blanks or line breaks around it
	FindingHost              Finding = "host"               // another host or port
	FindingSwapped           Finding = "swapped"            // entity ID and ACS URL
	FindingOtherProfile      Finding = "other_profile"      // of another SSO profile here
	FindingOtherInstallation Finding = "other_installation" // of a staging system, say
	FindingNone              Finding = "none"               // nothing stands there
	FindingTenant            Finding = "tenant"             // the same service, another customer or application of it
	FindingOurs              Finding = "ours"               // our own value
)

func (k *problem) audience() {
	if k.check.Found == "" || k.check.Found == "nobody" {
		k.is(FindingNone, "The assertion names no audience at all.")
		return
	}
	found := strings.Fields(k.check.Found)
	if slices.Contains(found, k.check.Expected) {
		k.blanks()
		return
	}
	k.compare("audience", k.check.Expected, found, k.ACSURL)
}

// address looks at a Destination or a Recipient.
func (k *problem) address() {
	if k.check.Found == "" {
		k.is(FindingNone, "The message does not say where it is addressed to.")
		return
	}
	if strings.TrimSpace(k.check.Found) == k.check.Expected {
		k.blanks()
		return
	}
	k.compare("address", k.check.Expected, []string{k.check.Found}, k.EntityID)
}

func (k *problem) issuer() {
	want, found := k.check.Expected, strings.TrimSpace(k.check.Found)
	switch {
	case found == "":
		k.is(FindingNone, "The message does not say who issued it.")
	case found == want:
		k.blanks()
	case found == k.EntityID || found == k.ACSURL:
		k.is(FindingOurs, "The issuer is a value of ours: the Identity Provider's own name was replaced by it.")
	case k.spelling("issuer", want, found):
	default:
		a, b := parsed(want), parsed(found)
		switch {
		case a == nil || b == nil:
		case strings.EqualFold(a.Host, b.Host):
			k.is(FindingTenant, fmt.Sprintf("Both are of %s, but of another tenant, realm or application there.", a.Host))
		default:
			k.is(FindingHost, fmt.Sprintf("The issuer is at %s, and the profile expects %s.", b.Host, a.Host))
		}
	}
}

func (k *problem) blanks() {
	k.is(FindingBlanks, "There is a blank or a line break before or behind it.")
}

// compare looks for the value that is nearest to what is expected. Swapped is
// our value that belongs into another field.
func (k *problem) compare(what, want string, found []string, swapped string) {
	for _, f := range found {
		if k.spelling(what, want, f) {
			return
		}
	}
	for _, f := range found {
		if swapped != "" && f == swapped {
			k.is(FindingSwapped, "The entity ID and the ACS URL were exchanged: each stands where the other belongs.")
			return
		}
		if k.elsewhere(want, f) {
			return
		}
	}
}

// spelling tells two values apart that mean the same place.
func (k *problem) spelling(what, want, found string) bool {
	switch {
	case strings.TrimRight(want, "/") == strings.TrimRight(found, "/"):
		if strings.HasSuffix(found, "/") {
			k.is(FindingSlash, fmt.Sprintf("The %s that was sent has a slash at its end, and ours has none.", what))
		} else {
			k.is(FindingSlash, fmt.Sprintf("The %s that was sent lacks the slash at its end.", what))
		}
		if what == "issuer" {
			k.why = "The two differ only in a slash at the end."
		}
		return true
	case strings.EqualFold(want, found):
		k.is(FindingCapitals, "The two differ only in capital and small letters.")
		return true
	}
	a, b := parsed(want), parsed(found)
	if a == nil || b == nil || a.Scheme == b.Scheme || a.Host != b.Host || a.RequestURI() != b.RequestURI() {
		return false
	}
	k.is(FindingScheme, fmt.Sprintf("The %s that was sent begins with %s, and %s is expected.", what, b.Scheme, a.Scheme))
	if b.Scheme == "https" && what != "issuer" {
		k.finding = FindingBaseURL
	}
	return true
}

// elsewhere recognizes addresses of SSO profiles: of this one under another name
// of the host, of another one, or of another installation.
func (k *problem) elsewhere(want, found string) bool {
	a, b := parsed(want), parsed(found)
	if a == nil || b == nil {
		return false
	}
	mine, ours := profilePath(a.Path)
	theirs, alike := profilePath(b.Path)
	same := a.Host == b.Host
	switch {
	case ours && alike && same && mine != theirs:
		k.is(FindingOtherProfile, "It is the value of another SSO profile of this installation.")
	case ours && alike && !same && mine != theirs:
		k.is(FindingOtherInstallation, fmt.Sprintf("It belongs to another installation, at %s: a staging system or a trial, perhaps.", b.Host))
	case !same && a.Path == b.Path:
		k.is(FindingHost, fmt.Sprintf("It names the host %s, and ours is %s.", b.Host, a.Host))
	default:
		return false
	}
	return true
}

// profilePath returns the id of the SSO profile in an address of ours.
func profilePath(p string) (id string, ok bool) {
	dir, last := path.Split(p)
	dir, id = path.Split(strings.TrimSuffix(dir, "/"))
	return id, strings.HasSuffix(dir, "/saml/") && strings.HasPrefix(id, "sso_") && (last == "acs" || last == "metadata" || last == "slo")
}

// parsed returns an absolute URL; nil for what is none, such as a URN.
func parsed(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil
	}
	return u
}
