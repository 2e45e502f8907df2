package saml

import (
	"bytes"
	"cmp"
	"compress/flate"
	"errors"
	"io"
	"net/url"
	"strings"
	"time"

	"sallyport/saml/internal/b64"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xmltree"
)

// A LogoutMessage is what arrived at the Single Logout Service: a request of
// the Identity Provider's, or its answer to ours.
type LogoutMessage struct {
	// Query is the raw query of a GET, with the HTTP-Redirect binding.
	Query string
	// Form is the body of a POST, with the HTTP-POST binding; nil for a GET.
	Form     url.Values
	Received time.Time // now if zero
	// Requests tells what became of a logout request of ours.
	Requests func(id string) RequestState
}

// A Logout is a message that was accepted: one of Request and Response is set.
type Logout struct {
	Request    *LogoutOrder
	Response   *LogoutAnswer
	RelayState string
	// Checks holds what was checked, with the warnings.
	Checks []Check
}

// A LogoutOrder is the Identity Provider's request to end sessions of this
// relation: those with this NameID and, if there are any, one of these indexes.
type LogoutOrder struct {
	ID             string
	NameID         NameID
	SessionIndexes []string
	// RememberUntil is how long the caller has to remember ID so that it is
	// not acted on again.
	RememberUntil time.Time
}

// A LogoutAnswer answers a logout request of ours.
type LogoutAnswer struct {
	InResponseTo string
	// Success is set where the Identity Provider has ended everything, Partial
	// where it has ended its own session, or tried to, and could not reach
	// every other application. Status is its word.
	Success, Partial bool
	Status           string
}

// ValidateLogout decides on a message to the Single Logout Service. It has to be
// signed: detached over the received octets with HTTP-Redirect, enveloped with
// HTTP-POST. The error is a [*Refusal], with the checks that were reached.
func (sp *ServiceProvider) ValidateLogout(m LogoutMessage) (*Logout, error) {
	if m.Received.IsZero() {
		m.Received = time.Now()
	}
	v := &logoutValidation{validation: validation{sp: sp, msg: Message{Received: m.Received, Requests: m.Requests}}}
	v.recording = true
	out := v.run(m)
	if v.failed != "" {
		return nil, &Refusal{Code: v.failed, Checks: v.checks}
	}
	out.Checks = v.checks
	return out, nil
}

// A logoutValidation is the work on one logout message. They are rare: nothing
// of it is kept, and all of it is recorded.
type logoutValidation struct{ validation }

func (v *logoutValidation) refuse(n rule, expected string, found []byte, note string) {
	v.failWith(n, CodeLogoutInvalid, expected, found, note)
}

func (v *logoutValidation) run(m LogoutMessage) *Logout {
	var relayState string
	var ok bool
	if m.Form == nil {
		relayState, ok = v.readRedirect(m.Query)
	} else {
		relayState, ok = v.readPost(m.Form)
	}
	if !ok {
		return nil
	}
	issuer, _ := v.response.Child(xmltree.Assertion, "Issuer").Text()
	if want := v.sp.cfg.IdP.EntityID; string(issuer) != want {
		v.refuse(ruleIssuer, want, issuer, "")
	}
	if found, _ := v.response.Attr("Destination"); len(found) == 0 || string(found) != v.sp.cfg.SLOURL {
		v.refuse(ruleDestination, v.sp.cfg.SLOURL, found, "")
	}
	issued := v.instants()
	out := &Logout{RelayState: relayState}
	if v.response.Is(xmltree.Protocol, "LogoutRequest") {
		out.Request = v.order(issued)
	} else {
		out.Response = v.answer()
	}
	return out
}

// A redirected is the query of HTTP-Redirect: its parameters as they were
// received, and unescaped. Field is the one that holds the message.
type redirected struct {
	raw, value map[string]string
	field      string
}

// parameters reads a query in which each parameter stands once.
func (v *logoutValidation) parameters(query string) (q redirected, ok bool) {
	q = redirected{make(map[string]string), make(map[string]string), "SAMLRequest"}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if _, twice := q.raw[name]; twice {
			v.refuse(ruleMessage, "each parameter once", []byte(name), "")
			return q, false
		}
		q.raw[name] = value
	}
	_, asks := q.raw["SAMLRequest"]
	_, answers := q.raw["SAMLResponse"]
	if asks == answers {
		v.refuse(ruleMessage, "either SAMLRequest or SAMLResponse", nil, "")
		return q, false
	}
	if answers {
		q.field = "SAMLResponse"
	}
	for _, name := range []string{q.field, "RelayState", "SigAlg", "Signature", "SAMLEncoding"} {
		text, err := url.QueryUnescape(q.raw[name])
		if err != nil {
			v.refuse(ruleMessage, "a query that is escaped properly", []byte(name), "")
			return q, false
		}
		q.value[name] = text
	}
	if e := q.value["SAMLEncoding"]; e != "" && e != "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE" {
		v.refuse(ruleMessage, "the encoding DEFLATE", []byte(e), "")
		return q, false
	}
	return q, true
}

// signed returns the octets that the signature stands over: those of three
// parameters as they were received, in a fixed order, whichever order they came
// in (SAML bindings, section 3.4.4.1).
func (q *redirected) signed() string {
	octets := q.field + "=" + q.raw[q.field]
	if relayState, ok := q.raw["RelayState"]; ok {
		octets += "&RelayState=" + relayState
	}
	return octets + "&SigAlg=" + q.raw["SigAlg"]
}

// readRedirect reads the query of HTTP-Redirect. Nothing is inflated before its
// signature holds.
func (v *logoutValidation) readRedirect(query string) (relayState string, ok bool) {
	q, ok := v.parameters(query)
	if !ok || !v.detached(&q) {
		return "", false
	}
	text, err := inflate(q.value[q.field])
	if err != nil {
		v.refuse(ruleXML, "a deflated message", nil, err.Error())
		return "", false
	}
	if !v.readXML(text, q.field) {
		return "", false
	}
	if v.signatures() > 0 {
		v.refuse(ruleIntegrity, "one signature", nil, "the message holds a signature besides the one in the query")
		return "", false
	}
	return q.value["RelayState"], true
}

// detached verifies the signature of a query.
func (v *logoutValidation) detached(q *redirected) bool {
	if q.value["Signature"] == "" {
		v.refuse(ruleSignature, "a signed message", nil, "")
		return false
	}
	signature, err := b64.Append(nil, []byte(q.value["Signature"]))
	method, key := q.value["SigAlg"], 0
	if err == nil {
		key, err = dsig.VerifyDetached([]byte(q.signed()), method, signature, v.sp.cfg.IdP.Certificates, &v.sp.signatures)
	}
	return v.signedBy(dsig.Result{Method: method, Key: key}, err)
}

// signedBy notes how the signature of the message came out.
func (v *logoutValidation) signedBy(res dsig.Result, err error) bool {
	if err != nil {
		expected, found := "a signature by a configured certificate", ""
		if e, ok := errors.AsType[*dsig.Error](err); ok && e.Found != "" {
			expected, found = cmp.Or(e.Expected, expected), e.Found
		}
		v.refuse(ruleIntegrity, expected, []byte(found), err.Error())
		return false
	}
	v.pass(ruleIntegrity, "", nil)
	if res.UsesSHA1() {
		v.warn(ruleAlgorithm, dsig.RSASHA256, []byte(res.Method+" "+res.Digest), "SHA-1 is broken; have the Identity Provider sign with SHA-256")
	}
	return v.certificateRule(v.sp.cfg.IdP.Certificates[res.Key])
}

// inflate decodes raw DEFLATE in base64. The inflated size has the limit of
// every message; nothing stands behind the end.
func inflate(value string) ([]byte, error) {
	if b64.Exceeds(value, MaxMessage) {
		return nil, errors.New("the message is too large")
	}
	deflated, err := b64.Append(nil, []byte(value))
	if err != nil {
		return nil, err
	}
	in := bytes.NewReader(deflated)
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(in), MaxMessage+1))
	switch {
	case err != nil:
		return nil, errors.New("it is not raw DEFLATE")
	case len(text) > MaxMessage:
		return nil, errors.New("the message is too large")
	case in.Len() > 0:
		return nil, errors.New("something stands behind the end of the message")
	}
	return text, nil
}

// readPost reads the form of HTTP-POST and verifies the enveloped signature.
func (v *logoutValidation) readPost(form url.Values) (relayState string, ok bool) {
	field := "SAMLRequest"
	if form.Has("SAMLResponse") {
		field = "SAMLResponse"
	}
	values := form[field]
	if len(values) != 1 || form.Has("SAMLRequest") && form.Has("SAMLResponse") || len(form["RelayState"]) > 1 {
		v.refuse(ruleMessage, "either SAMLRequest or SAMLResponse, once", nil, "")
		return "", false
	}
	if b64.Exceeds(values[0], MaxMessage) {
		v.failWith(ruleSize, CodeTooLarge, "at most 1 MiB", nil, "")
		return "", false
	}
	text, err := b64.Append(nil, []byte(values[0]))
	if err != nil {
		v.refuse(ruleBase64, "base64", nil, "")
		return "", false
	}
	if !v.readXML(text, field) {
		return "", false
	}
	signature := v.response.Child(xmltree.DSig, "Signature")
	if signature.IsZero() || v.signatures() != 1 {
		v.refuse(ruleSignature, "a message with one signature of its own", nil, "")
		return "", false
	}
	res, err := v.verifier.Verify(signature, v.response, v.sp.cfg.IdP.Certificates, &v.sp.signatures)
	return form.Get("RelayState"), v.signedBy(res, err)
}

// readXML parses the message, of which the kind has to fit the field.
func (v *logoutValidation) readXML(text []byte, field string) bool {
	doc, err := v.parser.Parse(text, xmltree.Options{})
	if err != nil {
		v.refuse(ruleXML, "well-formed XML", nil, err.Error())
		return false
	}
	v.response = doc.Root()
	want := "LogoutRequest"
	if field == "SAMLResponse" {
		want = "LogoutResponse"
	}
	version, _ := v.response.Attr("Version")
	if !v.response.Is(xmltree.Protocol, want) || string(version) != "2.0" {
		v.refuse(ruleMessage, "a samlp:"+want+" of version 2.0", []byte(v.response.Name()), "")
		return false
	}
	if twice := v.survey(v.response); !twice.IsZero() {
		v.refuse(ruleXML, "at most one "+twice.Name(), nil, twice.Name()+" stands twice")
		return false
	}
	return true
}

// signatures counts the Signature elements of the message.
func (v *logoutValidation) signatures() (n int) {
	v.response.Descendants(func(el xmltree.Element) bool {
		if el.Is(xmltree.DSig, "Signature") {
			n++
		}
		return true
	})
	return n
}

// instants checks that the message was made just now.
func (v *logoutValidation) instants() time.Time {
	bound, _ := v.response.Attr("IssueInstant")
	issued, well := parseInstant(bound)
	if !well || v.ahead(issued) || v.past(issued.Add(logoutLife)) {
		v.refuse(ruleIssueInstant, "IssueInstant of the last minutes", bound, "our clock: "+formatInstant(v.msg.Received))
	}
	if bound, ok := v.response.Attr("NotOnOrAfter"); ok {
		if end, well := parseInstant(bound); !well || v.past(end) {
			v.refuse(ruleNotOnOrAfter, "NotOnOrAfter ahead", bound, "our clock: "+formatInstant(v.msg.Received))
		}
	}
	return issued
}

// order reads a logout request.
func (v *logoutValidation) order(issued time.Time) *LogoutOrder {
	id, _ := v.response.Attr("ID")
	if len(id) == 0 || len(id) > maxID {
		v.refuse(ruleXML, "an ID", id, "")
	}
	encrypted := v.response.Child(xmltree.Assertion, "EncryptedID")
	v.nameIDElement = v.response.Child(xmltree.Assertion, "NameID")
	switch {
	case encrypted.IsZero():
	case v.nameIDElement.IsZero():
		v.decryptNameID(encrypted)
	default:
		v.refuse(ruleXML, "a NameID or an EncryptedID", nil, "the message has both")
	}
	text, ok := v.nameIDElement.Text()
	if value := xmltree.TrimSpace(text); !ok || len(value) == 0 {
		v.refuse(ruleNameID, "a NameID", nil, "")
	}
	o := &LogoutOrder{ID: string(id), NameID: readNameID(v.nameIDElement), RememberUntil: issued.Add(logoutLife + v.sp.cfg.Tolerance + rememberMore)}
	for c := v.response.First(); !c.IsZero(); c = c.Next() {
		if !c.Is(xmltree.Protocol, "SessionIndex") {
			continue
		}
		text, ok := c.Text()
		if !ok {
			// Without it all sessions would end instead of one.
			v.refuse(ruleXML, "a SessionIndex that is text", nil, "")
		}
		o.SessionIndexes = append(o.SessionIndexes, string(text))
	}
	return o
}

// answer reads a logout response and wants the request that it answers.
func (v *logoutValidation) answer() *LogoutAnswer {
	id, _ := v.response.Attr("InResponseTo")
	if v.state(id) != RequestPending {
		v.failWith(ruleRequest, CodeRequestUnknown, "a logout request of ours that is not answered yet", id, "")
	}
	code := v.response.Child(xmltree.Protocol, "Status").Child(xmltree.Protocol, "StatusCode")
	value, _ := code.Attr("Value")
	nested, _ := code.Child(xmltree.Protocol, "StatusCode").Attr("Value")
	partial := string(nested) == statusPartialLogout
	return &LogoutAnswer{
		InResponseTo: string(id), Status: string(value),
		Success: string(value) == statusSuccess && !partial, Partial: partial,
	}
}
