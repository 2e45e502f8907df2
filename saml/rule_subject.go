package saml

import (
	"time"

	"sallyport/saml/internal/xmltree"
)

const (
	bearer           = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	maxConfirmations = 8 // that are looked at
)

// A confirmation is one bearer SubjectConfirmation, judged (SAML profiles,
// section 4.1.4.2).
type confirmation struct {
	found        bool
	recipient    []byte
	inResponseTo []byte
	hasEnd       bool
	end          []byte // NotOnOrAfter
	expired      bool
	start        []byte // NotBefore
	hasStart     bool
	early        bool
}

func (c *confirmation) holds(acs string) bool {
	return c.found && string(c.recipient) == acs && c.hasEnd && !c.expired && !c.early
}

// subject finds the NameID and the bearer confirmation that holds; the first
// one if none does, so that its faults can be told.
func (v *validation) subject() {
	n, names := 0, 0
	for c := v.subjectElement.First(); !c.IsZero(); c = c.Next() {
		switch {
		case c.Is(xmltree.Assertion, "NameID"):
			v.nameIDElement = c
			names++
		case c.Is(xmltree.Assertion, "EncryptedID"):
			v.decryptNameID(c)
			names++
		case c.Is(xmltree.Assertion, "SubjectConfirmation"):
			if n++; n > maxConfirmations || v.confirmation.holds(v.sp.cfg.ACSURL) {
				continue
			}
			if judged := v.judge(c); judged.found && (!v.confirmation.found || judged.holds(v.sp.cfg.ACSURL)) {
				v.confirmation = judged
			}
		}
	}
	if names > 1 {
		v.fail(ruleXML, "a NameID or an EncryptedID", nil, "the Subject has both")
	}
}

func (v *validation) judge(el xmltree.Element) (c confirmation) {
	if method, _ := el.Attr("Method"); string(method) != bearer {
		return c
	}
	c.found = true
	data := el.Child(xmltree.Assertion, "SubjectConfirmationData")
	c.recipient, _ = data.Attr("Recipient")
	c.inResponseTo, _ = data.Attr("InResponseTo")
	if c.end, c.hasEnd = data.Attr("NotOnOrAfter"); c.hasEnd {
		end, ok := parseInstant(c.end)
		c.expired = !ok || v.past(end)
	}
	if c.start, c.hasStart = data.Attr("NotBefore"); c.hasStart {
		start, ok := parseInstant(c.start)
		c.early = !ok || v.ahead(start)
	}
	return c
}

// past reports whether an instant on or after which something does not hold
// has come; ahead whether one before which it does not hold has not. Both
// forgive the tolerance.
func (v *validation) past(end time.Time) bool {
	return !v.msg.Received.Before(end.Add(v.sp.cfg.Tolerance))
}

func (v *validation) ahead(start time.Time) bool {
	return v.msg.Received.Before(start.Add(-v.sp.cfg.Tolerance))
}

// confirmed notes how the chosen confirmation came out.
func (v *validation) confirmed() {
	c := &v.confirmation
	switch {
	case !c.found:
		v.fail(ruleConfirmation, "a SubjectConfirmation of method bearer", []byte("none"), "")
		return
	case !c.hasEnd:
		v.fail(ruleConfirmation, "SubjectConfirmationData with NotOnOrAfter", []byte("none"), "")
	default:
		v.pass(ruleConfirmation, "", nil)
	}
	v.check(ruleRecipient, string(c.recipient) == v.sp.cfg.ACSURL, v.sp.cfg.ACSURL, c.recipient)
	if c.hasEnd {
		v.instant(ruleConfirmationTime, CodeExpired, !c.expired, "NotOnOrAfter", c.end)
	}
	if c.hasStart {
		if c.early {
			v.instant(ruleConfirmationTime, CodeNotYetValid, false, "NotBefore", c.start)
		} else {
			v.warn(ruleConfirmationTime, "no NotBefore", c.start, "SubjectConfirmationData has a NotBefore, which the profile forbids")
		}
	}
}
