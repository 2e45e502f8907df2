package saml

import (
	"bytes"
	"time"

	"sallyport/saml/internal/xmltree"
)

// instant notes whether a bound in time holds, with both clocks.
func (v *validation) instant(n rule, code Code, ok bool, what string, bound []byte) {
	if !v.recording && ok {
		return
	}
	expected := what + " " + clip(bound)
	found := []byte("our clock: " + formatInstant(v.msg.Received))
	if ok {
		v.pass(n, expected, found)
		return
	}
	note := "the clocks differ by more than the tolerance of " + v.sp.cfg.Tolerance.String() + ", or the message was on its way for too long"
	if _, well := parseInstant(bound); !well {
		note = "not an instant in UTC"
	}
	v.failWith(n, code, expected, found, note)
}

// conditions checks the audience and that no condition is unknown (SAML core,
// section 2.5.1).
func (v *validation) conditions() {
	restrictions := 0
	want := v.sp.cfg.EntityID
	unknown := ""
	var others []byte
	for c := v.conditionsElement.First(); !c.IsZero(); c = c.Next() {
		switch {
		case c.Is(xmltree.Assertion, "AudienceRestriction"):
			restrictions++
			if found, ok := audience(c, want); !ok {
				others = append(others, found...)
			}
		case c.Is(xmltree.Assertion, "OneTimeUse"), c.Is(xmltree.Assertion, "ProxyRestriction"):
		default:
			unknown = c.Name()
		}
	}
	if restrictions == 0 {
		v.fail(ruleAudience, want, nil, "the assertion has no AudienceRestriction: it could have been made for anybody")
	} else {
		v.check(ruleAudience, len(others) == 0, want, bytes.TrimSpace(others))
	}
	v.check(ruleConditions, unknown == "", "AudienceRestriction, OneTimeUse, ProxyRestriction", []byte(unknown))
}

// audience reports whether a restriction names us; otherwise whom it names.
func audience(restriction xmltree.Element, want string) (found []byte, ok bool) {
	for c := restriction.First(); !c.IsZero(); c = c.Next() {
		text, plain := c.Text()
		if !plain || !c.Is(xmltree.Assertion, "Audience") {
			continue
		}
		if string(text) == want {
			return nil, true
		}
		found = append(append(found, text...), ' ')
	}
	if len(found) == 0 {
		found = []byte("nobody")
	}
	return found, false
}

// times checks the bounds of the Conditions and the age of the assertion.
func (v *validation) times() {
	if bound, ok := v.conditionsElement.Attr("NotBefore"); ok {
		start, well := parseInstant(bound)
		v.instant(ruleNotBefore, CodeNotYetValid, well && !v.ahead(start), "NotBefore", bound)
	} else {
		v.pass(ruleNotBefore, "", nil)
	}
	if bound, ok := v.conditionsElement.Attr("NotOnOrAfter"); ok {
		end, well := parseInstant(bound)
		v.instant(ruleNotOnOrAfter, CodeExpired, well && !v.past(end), "NotOnOrAfter", bound)
		v.out.NotOnOrAfter = end
	} else {
		v.pass(ruleNotOnOrAfter, "", nil)
	}
	v.issueInstant()
}

// issueInstant refuses an assertion that is older than a day or comes from the
// future.
func (v *validation) issueInstant() {
	bound, _ := v.assertion.Attr("IssueInstant")
	issued, well := parseInstant(bound)
	if well && v.ahead(issued) {
		v.instant(ruleIssueInstant, CodeNotYetValid, false, "IssueInstant", bound)
		return
	}
	v.instant(ruleIssueInstant, CodeExpired, well && !v.past(issued.Add(maxAge)), "IssueInstant", bound)
	v.out.IssueInstant = issued
	v.out.RememberUntil = v.rememberUntil(issued)
}

// rememberUntil is the last instant at which the assertion can still be
// accepted, and an hour.
func (v *validation) rememberUntil(issued time.Time) time.Time {
	last := issued.Add(maxAge)
	if end := v.out.NotOnOrAfter; !end.IsZero() && end.Before(last) {
		last = end
	}
	return last.Add(v.sp.cfg.Tolerance + rememberMore)
}
