package saml

import "sallyport/saml/internal/xmltree"

// statement wants an AuthnStatement (SAML core, section 2.7.2) whose session,
// if it names an end, is not over, and whose context is the requested one.
func (v *validation) statement() {
	found, well, met := false, true, v.sp.cfg.AuthnContext == ""
	var context []byte
	for c := v.assertion.First(); !c.IsZero(); c = c.Next() {
		if !c.Is(xmltree.Assertion, "AuthnStatement") {
			continue
		}
		class, _ := c.Child(xmltree.Assertion, "AuthnContext").Child(xmltree.Assertion, "AuthnContextClassRef").Text()
		class = xmltree.TrimSpace(class)
		if !found {
			context = class
			well = v.firstStatement(c, class)
		}
		found = true
		if string(class) == v.sp.cfg.AuthnContext {
			met, context = true, class
		}
		v.session(c)
	}
	if !found {
		v.fail(ruleAuthnStatement, "an AuthnStatement", []byte("none"), "")
		return
	}
	if well {
		v.pass(ruleAuthnStatement, "", nil)
	}
	v.check(ruleAuthnContext, met, v.sp.cfg.AuthnContext, context)
}

// firstStatement keeps what the first statement says. It reports false if its
// AuthnInstant is none.
func (v *validation) firstStatement(el xmltree.Element, class []byte) bool {
	index, _ := el.Attr("SessionIndex")
	v.out.SessionIndex = string(index)
	v.out.AuthnContext = string(class)
	text, ok := el.Attr("AuthnInstant")
	if !ok {
		return true
	}
	instant, well := parseInstant(text)
	if !well {
		v.instant(ruleAuthnStatement, CodeAuthnMissing, false, "AuthnInstant", text)
	}
	v.out.AuthnInstant = instant
	return well
}

// session wants SessionNotOnOrAfter ahead and keeps the earliest.
func (v *validation) session(el xmltree.Element) {
	bound, ok := el.Attr("SessionNotOnOrAfter")
	if !ok {
		v.pass(ruleSession, "", nil)
		return
	}
	end, well := parseInstant(bound)
	v.instant(ruleSession, CodeSessionExpired, well && !v.past(end), "SessionNotOnOrAfter", bound)
	if earliest := v.out.SessionNotOnOrAfter; earliest.IsZero() || end.Before(earliest) {
		v.out.SessionNotOnOrAfter = end
	}
}

// replay asks whether the assertion was consumed before.
func (v *validation) replay() {
	id, _ := v.assertion.Attr("ID")
	v.out.ID = string(id)
	if v.msg.Again {
		return
	}
	if v.msg.Consumed != nil && v.msg.Consumed(v.out.ID) {
		v.fail(ruleReplay, "an assertion that was not used before", id, "")
		return
	}
	v.pass(ruleReplay, "", id)
}
