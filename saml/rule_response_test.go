package saml_test

import (
	"fmt"
	"strings"
	"testing"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// Rules 15 to 20: what message it is, its status, from whom, where to, and
// which request it answers.

func TestMessageAndStatus(t *testing.T) {
	version := func(v string) func(*samltest.Response) { return func(r *samltest.Response) { r.Version = v } }
	status := func(s samltest.Status) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Status = s }
	}
	run(t, []ruleCase{
		{name: "version 2.0"},
		{name: "version 2", response: version("2"), want: saml.CodeUnsupportedMessage},
		{name: "version 2.1", response: version("2.1"), want: saml.CodeUnsupportedMessage},
		{name: "an assertion of version 2.1", response: func(r *samltest.Response) { r.Assertion.Version = "2.1" }, want: saml.CodeUnsupportedMessage},
		{name: "no status", response: status(samltest.Status{}), want: saml.CodeStatusNotSuccess},
		{name: "success with a message", response: status(samltest.Status{Code: samltest.Success, Message: "fine", Detail: "<x/>"})},
		{name: "a failure", response: status(samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Responder"}), want: saml.CodeStatusNotSuccess},
		{name: "success nested in a failure", response: status(samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Requester", SubCode: samltest.Success}), want: saml.CodeStatusNotSuccess},
		{name: "a failure nested in success", response: status(samltest.Status{Code: samltest.Success, SubCode: "urn:x"})},
		{name: "success in other letters", response: status(samltest.Status{Code: strings.ToLower(samltest.Success)}), want: saml.CodeStatusNotSuccess},
		{name: "a failure without assertion", signed: onNeither, response: func(r *samltest.Response) {
			r.Status, r.Assertion = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Requester"}, nil
		}, want: saml.CodeStatusNotSuccess},
	})
}

func TestAFailureIsToldInFull(t *testing.T) {
	s := samltest.NewScene()
	r := s.Response()
	r.Status = samltest.Status{Code: "urn:a", SubCode: "urn:b", Message: " <b>MSIS7070</b> "}
	res, refused := judge(t, s.SP, saml.Message{Values: []string{r.Encode()}, Received: s.Now})
	if text := describe(res, refused); !strings.Contains(text, `found "urn:a / urn:b": <b>MSIS7070</b>`) {
		t.Error(text)
	}
}

func TestIssuer(t *testing.T) {
	inner := func(value, format string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Assertion.Issuer = samltest.Issuer{Value: value, Format: format} }
	}
	outer := func(value, format string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Issuer = samltest.Issuer{Value: value, Format: format} }
	}
	id := samltest.NewIdP().EntityID
	bad := saml.CodeIssuerMismatch
	run(t, []ruleCase{
		{name: "no Issuer in the response", response: outer("", "")},
		{name: "the format entity", response: inner(id, samltest.FormatEntity)},
		{name: "another format", response: inner(id, samltest.FormatUnspecified), warns: bad},
		{name: "another format in the response", response: outer(id, samltest.FormatUnspecified), warns: bad},
		{name: "no Issuer in the assertion", response: inner("", ""), want: bad},
		{name: "another Issuer", response: inner("https://other.example", ""), want: bad},
		{name: "another Issuer in the response", response: outer("https://other.example", ""), want: bad},
		{name: "a slash more", response: inner(id+"/", ""), want: bad},
		{name: "other letters", response: inner(strings.ToUpper(id), ""), want: bad},
		{name: "white space around", response: inner("\n"+id+"\n", ""), want: bad},
		{name: "an element inside", response: edit(id+"</saml:Issuer>", id+"<x/></saml:Issuer>"), want: bad},
	})
}

func TestDestination(t *testing.T) {
	to := func(d string) func(*samltest.Response) { return func(r *samltest.Response) { r.Destination = d } }
	bad := saml.CodeDestinationMismatch
	run(t, []ruleCase{
		{name: "ours"},
		{name: "none", signed: onAssertion, response: to("")},
		{name: "none", signed: onResponse, response: to(""), want: bad},
		{name: "none", signed: onBoth, response: to(""), want: bad},
		{name: "another", response: to("https://other.example/acs"), want: bad},
		{name: "a query more", response: to(samltest.ACSURL + "?x"), want: bad},
		{name: "a slash more", response: to(samltest.ACSURL + "/"), want: bad},
		{name: "an empty one", signed: onAssertion, response: edit(` Destination="`+samltest.ACSURL+`"`, ` Destination=""`), want: bad},
	})
}

// What became of the request that a response names.
var states = map[string]saml.RequestState{
	"_unknown": saml.RequestUnknown, "_pending": saml.RequestPending, "_used": saml.RequestUsed, "_expired": saml.RequestExpired,
}

// TestEveryWayToNameARequest is the whole matrix: what InResponseTo the
// Response has, what the SubjectConfirmationData has, what is signed, and what
// becomes of responses that answer no request.
func TestEveryWayToNameARequest(t *testing.T) {
	ids := []string{"", "_unknown", "_pending", "_used", "_expired"}
	for _, m := range []saml.Mode{saml.Restart, saml.Accept, saml.Refuse} {
		for _, signed := range []string{onResponse, onAssertion, onBoth} {
			for _, outer := range ids {
				for _, inner := range ids {
					t.Run(fmt.Sprintf("mode %s, %s signed, Response names %q, confirmation names %q", m, signed, outer, inner), func(t *testing.T) {
						s := samltest.NewScene()
						s.SP.Mode = m
						r := s.Response()
						sign(r, signed)
						r.InResponseTo, r.Confirmation().InResponseTo = outer, inner
						msg := saml.Message{Values: []string{r.Encode()}, Received: s.Now, Record: true,
							Requests: func(id string) saml.RequestState { return states[id] }}
						res, refused := judge(t, s.SP, msg)
						want, restart, answers := expectedRequest(m, signed, outer, inner)
						if got := code(refused); got != want {
							t.Fatalf("got %q, want %q\n%s", got, want, describe(res, refused))
						}
						if refused == nil && (res.Restart != restart || !restart && res.Assertion.InResponseTo != answers || restart && res.Assertion != nil) {
							t.Errorf("got %+v, want restart %v or an answer to %q", res, restart, answers)
						}
					})
				}
			}
		}
	}
}

// expectedRequest says rules 19 and 20 in another way than the code does.
func expectedRequest(m saml.Mode, signed, outer, inner string) (want saml.Code, restart bool, answers string) {
	known := func(id string) bool { return states[id] != saml.RequestUnknown }
	if m == saml.Restart && !known(outer) && !known(inner) {
		return "", true, ""
	}
	if outer != "" && inner != "" && outer != inner {
		return saml.CodeRequestUnknown, false, ""
	}
	id := inner
	if id == "" && signed != onAssertion {
		id = outer
	}
	if id == "" && known(outer) {
		if states[outer] == saml.RequestPending {
			return saml.CodeRequestUnknown, false, ""
		}
		id = outer
	}
	switch {
	case id == "" && m == saml.Accept:
		return "", false, ""
	case id == "":
		return saml.CodeIdPInitiatedRefused, false, ""
	}
	switch states[id] {
	case saml.RequestPending:
		return "", false, id
	case saml.RequestUsed:
		return saml.CodeReplayed, false, ""
	case saml.RequestExpired:
		return saml.CodeRequestExpired, false, ""
	}
	return saml.CodeRequestUnknown, false, ""
}

func TestRequestsThatAreAskedFor(t *testing.T) {
	named := func(id string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.InResponseTo, r.Confirmation().InResponseTo = id, id }
	}
	anything := func(m *saml.Message) {
		m.Requests = func(id string) saml.RequestState {
			if id == "" || len(id) > 256 {
				panic("asked for an ID that we never make")
			}
			return saml.RequestPending
		}
	}
	run(t, []ruleCase{
		{name: "an ID of 256 octets", response: named(strings.Repeat("a", 256)), message: anything},
		{name: "an ID of 257 octets", response: named(strings.Repeat("a", 257)), message: anything, config: mode(saml.Accept), want: saml.CodeRequestUnknown},
		{name: "an empty ID, which names no request", config: mode(saml.Accept), message: anything, response: func(r *samltest.Response) {
			named("")(r)
			r.BeforeSigning = func(text string) string {
				return must(text, "<saml:SubjectConfirmationData ", `<saml:SubjectConfirmationData InResponseTo="" `)
			}
		}},
		{name: "an empty ID where one is demanded", config: mode(saml.Refuse), message: anything, response: func(r *samltest.Response) {
			named("")(r)
			r.BeforeSigning = func(text string) string {
				return must(text, "<saml:SubjectConfirmationData ", `<saml:SubjectConfirmationData InResponseTo="" `)
			}
		}, want: saml.CodeIdPInitiatedRefused},
		{name: "nobody to ask", config: mode(saml.Refuse), message: func(m *saml.Message) { m.Requests = nil }, want: saml.CodeRequestUnknown},
		{name: "a request that is unsigned", signed: onAssertion, response: func(r *samltest.Response) { r.Confirmation().InResponseTo = "" }, want: saml.CodeRequestUnknown},
	})
}

func TestARestartBelievesNothing(t *testing.T) {
	unsolicited := func(f func(*samltest.Response)) func(*samltest.Response) {
		return func(r *samltest.Response) {
			r.InResponseTo, r.Confirmation().InResponseTo = "", ""
			f(r)
		}
	}
	for name, c := range map[string]struct {
		change func(*samltest.Response)
		want   saml.Code
	}{
		"a good one":               {func(*samltest.Response) {}, ""},
		"unsigned":                 {func(r *samltest.Response) { sign(r, onNeither) }, ""},
		"a broken signature":       {func(r *samltest.Response) { afterwards(samltest.Email, samltest.Victim)(r) }, ""},
		"another audience":         {func(r *samltest.Response) { r.Assertion.Conditions.Audiences = nil }, ""},
		"another Issuer":           {func(r *samltest.Response) { r.Assertion.Issuer.Value = "x" }, ""},
		"out of its time":          {func(r *samltest.Response) { r.Assertion.Conditions.NotOnOrAfter = at(-100 * 3600e9) }, ""},
		"no assertion":             {func(r *samltest.Response) { r.Assertion, r.AssertionSigning = nil, nil }, ""},
		"a dummy request":          {func(r *samltest.Response) { r.InResponseTo = "_dummy" }, ""},
		"a failure":                {func(r *samltest.Response) { r.Status.Code = "urn:x" }, saml.CodeStatusNotSuccess},
		"another version":          {func(r *samltest.Response) { r.Version = "1.1" }, saml.CodeUnsupportedMessage},
		"a part that stands twice": {func(r *samltest.Response) { r.More = []samltest.XML{"<samlp:Status/>"} }, saml.CodeXMLInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := samltest.NewScene()
			r := s.Response()
			unsolicited(c.change)(r)
			res, refused := judge(t, s.SP, saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID)})
			if code(refused) != c.want || refused == nil && (!res.Restart || res.Assertion != nil) {
				t.Errorf("got %+v, %v", res, refused)
			}
		})
	}
}
