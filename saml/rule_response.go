package saml

import "sallyport/saml/internal/xmltree"

const entityFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

// issuers wants the Identity Provider's entity ID in the assertion, and in the
// response where it names an issuer (SAML profiles, section 4.1.4.2).
func (v *validation) issuers() {
	want := v.sp.cfg.IdP.EntityID
	if !v.assertion.IsZero() {
		text, ok := v.assertionIssuer.Text()
		v.check(ruleIssuer, ok && string(text) == want, want, text)
		v.issuerFormat(v.assertionIssuer)
	}
	if !v.responseIssuer.IsZero() {
		if text, ok := v.responseIssuer.Text(); !ok || string(text) != want {
			v.fail(ruleIssuer, want, text, "the Issuer of the response")
		}
		v.issuerFormat(v.responseIssuer)
	}
}

func (v *validation) issuerFormat(issuer xmltree.Element) {
	if format, ok := issuer.Attr("Format"); ok && string(format) != entityFormat {
		v.warn(ruleIssuer, entityFormat, format, "the Issuer has another format")
	}
}

// destination wants the ACS URL. A signed response has to name it (SAML
// bindings, section 3.5.5.2).
func (v *validation) destination() {
	found, ok := v.response.Attr("Destination")
	want := v.sp.cfg.ACSURL
	if !ok && v.responseSignature.IsZero() {
		v.pass(ruleDestination, want, []byte("none, in a response that is not signed"))
		return
	}
	v.check(ruleDestination, string(found) == want, want, found)
}

// restarts reports whether the mode is Restart and the response answers no
// request that we ever sent. What it names is not signed yet, and does not
// have to be: a restart believes nothing of the message.
func (v *validation) restarts() bool {
	if v.sp.cfg.Mode != Restart || v.msg.Again {
		return false
	}
	if id, ok := v.response.Attr("InResponseTo"); ok && v.state(id) != RequestUnknown {
		return false
	}
	n := 0
	for c := v.subjectElement.First(); !c.IsZero() && n < maxConfirmations; c = c.Next() {
		if !c.Is(xmltree.Assertion, "SubjectConfirmation") {
			continue
		}
		n++
		data := c.Child(xmltree.Assertion, "SubjectConfirmationData")
		if id, ok := data.Attr("InResponseTo"); ok && v.state(id) != RequestUnknown {
			return false
		}
	}
	return true
}

// state asks the caller what became of a request, once. An ID of a length that we
// never make is not looked up.
func (v *validation) state(id []byte) RequestState {
	if v.msg.Requests == nil || len(id) == 0 || len(id) > maxID {
		return RequestUnknown
	}
	if v.requestID != string(id) {
		v.requestID = string(id)
		v.requestState = v.msg.Requests(v.requestID)
	}
	return v.requestState
}

const signRequestID = "the Identity Provider has to sign the response, or to put InResponseTo into SubjectConfirmationData"

// request decides which request the response answers. The signed value counts:
// that of the SubjectConfirmationData, or that of a signed Response. Where both
// elements have one they are equal.
func (v *validation) request() {
	// An empty value names nothing: some Identity Providers write one.
	outer, _ := v.response.Attr("InResponseTo")
	inner := v.confirmation.inResponseTo
	hasOuter, hasInner := len(outer) > 0, len(inner) > 0
	if hasOuter && hasInner && string(outer) != string(inner) {
		v.fail(ruleRequest, clip(outer), inner, "Response and SubjectConfirmationData name different requests")
		return
	}
	if v.msg.Again {
		v.requestAgain(hasInner, hasOuter, outer)
		return
	}
	switch {
	case hasInner:
		v.solicited(inner)
	case hasOuter && !v.responseSignature.IsZero():
		v.solicited(outer)
	case hasOuter && v.state(outer) == RequestPending:
		v.fail(ruleRequest, "a signed InResponseTo", outer, "InResponseTo stands only where it is not signed: "+signRequestID)
	case hasOuter && v.state(outer) != RequestUnknown:
		v.solicited(outer) // used or expired, which refuses whoever says it
	default:
		v.unsolicited()
	}
}

// requestAgain judges what can still be judged of a message that is judged again:
// whether it is one of those that answer a request, or may do without.
func (v *validation) requestAgain(hasInner, hasOuter bool, outer []byte) {
	switch {
	case hasInner, hasOuter && !v.responseSignature.IsZero():
	case hasOuter && v.sp.cfg.Mode != Accept:
		v.fail(ruleRequest, "a signed InResponseTo", outer, "InResponseTo stands only where it is not signed: "+signRequestID)
	case v.sp.cfg.Mode == Refuse:
		v.unsolicited()
	}
}

func (v *validation) solicited(id []byte) {
	switch v.state(id) {
	case RequestPending:
		v.out.InResponseTo = v.requestID
		v.pass(ruleRequest, "", id)
	case RequestUsed:
		v.failWith(ruleRequest, CodeReplayed, "a pending request", id, "the request was answered before")
	case RequestExpired:
		v.failWith(ruleRequest, CodeRequestExpired, "a pending request", id, "the request is too old")
	default:
		v.fail(ruleRequest, "a request of ours to this Identity Provider", id, "")
	}
}

// unsolicited is a response that answers no request.
func (v *validation) unsolicited() {
	if v.sp.cfg.Mode == Accept {
		v.pass(ruleRequest, "", []byte("none: started at the Identity Provider"))
		return
	}
	v.failWith(ruleRequest, CodeIdPInitiatedRefused, "an answer to a request of ours", []byte("none: started at the Identity Provider"), "")
}
