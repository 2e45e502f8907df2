package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/id"
	"sallyport/internal/testenv/parts"
	"sallyport/internal/token"
)

// callers are the columns of the table: everybody with the own organization's
// things in the path, in the order in which the guard refuses.
var callers = []string{"no token", "bad token", "expired", "other:admin", "own:audit", "own:read", "own:users", "own:sso", "own:admin", "no such id", "no id"}

const legend = `# The first answer of each operation, by who asks: the status and the code, each
# word of it shortened to three letters. Behind the last check of the guard the
# body is refused, or there is none and the operation is done.
#
# own: and other: are tokens of the organization whose id stands in the path, and
# of another one.

`

// TestTheGuardsOrderOfChecks asks for every operation that the description
// lists, with a body that fits none: token 401, scope 403, existence 404,
// edition 403, body 422. A new operation shows up as a new line.
func TestTheGuardsOrderOfChecks(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	var b strings.Builder
	b.WriteString(legend)
	head := fmt.Sprintf("%-42s", "")
	for _, c := range callers {
		head += fmt.Sprintf(" %-11s", c)
	}
	b.WriteString(strings.TrimRight(head, " ") + "\n")
	other := s.token(t, s.tenant(t, "other.test").ID, access.ScopeAdmin)
	for i, op := range operations(t, s) {
		x := s.tenant(t, fmt.Sprintf("t%d.test", i))
		line := fmt.Sprintf("%-42s", op.method+" "+op.path)
		for j, c := range callers {
			if op.method == http.MethodDelete { // the caller before may have done it
				x = s.tenant(t, fmt.Sprintf("t%d-%d.test", i, j))
			}
			line += fmt.Sprintf(" %-11s", s.first(t, op, x, c, other))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	golden(t, "testdata/guard.txt", []byte(b.String()))
}

// first asks for an operation as one of the callers, and returns the status and
// the beginning of the code.
func (s *server) first(t *testing.T, op operation, x *tenant, caller, other string) string {
	t.Helper()
	path, secret := x.target(op.path), ""
	switch caller {
	case "no token":
	case "bad token":
		secret = "slp_none"
	case "expired":
		_, expired, err := s.Tokens.Create(t.Context(), parts.Operator(), token.NewToken{Scope: access.ScopeAdmin, Life: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		s.Pass(time.Minute)
		secret = expired
	case "other:admin":
		secret = other
	case "no such id", "no id":
		secret = s.token(t, x.ID, access.ScopeAdmin)
		none := id.Kind(x.ids[firstPart(op.path)][:min(3, len(x.ids[firstPart(op.path)]))])
		replacement := s.IDs.New(none)
		if caller == "no id" {
			replacement = "nonsense"
		}
		if !strings.Contains(op.path, "{id}") {
			return "."
		}
		path = x.target(strings.Replace(op.path, "{id}", replacement, 1))
	default:
		secret = s.token(t, x.ID, access.Scope(strings.TrimPrefix(caller, "own:")))
	}
	var body any
	if op.method != http.MethodGet && op.method != http.MethodDelete {
		body = `{"nonsense": true}`
	}
	a := s.call(t, secret, op.method, path, body)
	if a.status >= 400 && (a.header.Get("Sallyport-Error") != a.code() || a.header.Get("Sallyport-Reference") == "" || a.header.Get("Content-Type") != "application/problem+json") {
		t.Errorf("%s %s: %d %v %s", op.method, op.path, a.status, a.header, a.raw)
	}
	return fmt.Sprint(a.status, " ", initials(a.code()))
}

func firstPart(path string) string {
	first, _, _ := strings.Cut(path[1:], "/")
	return first
}

func initials(code string) (s string) {
	for word := range strings.SplitSeq(code, "_") {
		s += word[:min(len(word), 3)]
	}
	return s
}

// TestWhatTheGuardPromisesOfEveryOperation reads the same table with the eyes
// of the contract, so that it is not only what the code happens to do.
func TestWhatTheGuardPromisesOfEveryOperation(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	other := s.token(t, s.tenant(t, "other.test").ID, access.ScopeAdmin)
	member := access.Actor{Kind: access.KindUser, ID: "usr_x", Role: access.RoleMember}
	for i, op := range operations(t, s) {
		x := s.tenant(t, fmt.Sprintf("t%d.test", i))
		member.OrganizationID = x.ID
		name := op.method + " " + op.path
		for _, c := range []string{"no token", "bad token", "expired"} {
			if got := s.first(t, op, x, c, other); !strings.HasPrefix(got, "401 ") {
				t.Errorf("%s, %s: %s", name, c, got)
			}
		}
		foreign := s.first(t, op, x, "other:admin", other)
		if strings.Contains(op.path, "{id}") && foreign != "404 notfou" && foreign != "403 for" {
			t.Errorf("%s, of another tenant: %s", name, foreign)
		}
		if got := s.first(t, op, x, "no such id", other); got != "." && got != "404 notfou" && got != "403 for" {
			t.Errorf("%s, of nobody: %s", name, got)
		} else if got != "." && got != foreign {
			t.Errorf("%s: of nobody %s, of another tenant %s: that tells them apart", name, got, foreign)
		}
	}
}

func TestAnExpiredTokenIsToldSo(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	_, secret, err := s.Tokens.Create(t.Context(), parts.Operator(), token.NewToken{Scope: access.ScopeRead, Life: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	s.Pass(time.Minute)
	if a := s.call(t, secret, "GET", "/organizations", nil); a.status != 401 || a.code() != "token_expired" || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

func TestHowATokenIsSent(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	secret := s.token(t, "", access.ScopeRead)
	for header, want := range map[string]int{
		"Bearer " + secret: 200, "bearer " + secret: 200, "BEARER  " + secret + " ": 200,
		secret: 401, "Basic " + secret: 401, "Token " + secret: 401, "Bearer": 401, "Bearer ": 401, "": 401, "Bearer " + secret + " x": 401,
	} {
		if a := s.call(t, "", "GET", "/organizations", nil, "Authorization", header); a.status != want {
			t.Errorf("%q: %d", strings.ReplaceAll(header, secret, "…"), a.status)
		}
	}
	if a := s.call(t, "", "GET", "/organizations?token="+secret+"&access_token="+secret, nil, "Cookie", "sallyport_session="+secret); a.status != 401 {
		t.Errorf("in the address or a cookie: %d", a.status)
	}
}

// TestTheEditionIsAskedForBeforeTheBody and behind whether there is such a
// thing.
func TestTheEditionIsAskedForBeforeTheBody(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	x, operator := s.tenant(t, "acme.test"), s.token(t, "", access.ScopeAdmin)
	other := s.token(t, s.tenant(t, "other.test").ID, access.ScopeAdmin)
	x.Edition(t, directory.Standard)
	for _, path := range []string{"/organizations/{id}/sso-profiles", "/sso-profiles/{id}/tests"} {
		if a := s.call(t, operator, "POST", x.target(path), "nonsense"); a.status != 403 || a.code() != "edition_required" {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
		if a := s.call(t, other, "POST", x.target(path), "nonsense"); a.code() != "not_found" && a.code() != "forbidden" {
			t.Errorf("%s, of another tenant: %d %s", path, a.status, a.raw)
		}
	}
}

func TestThereIsNothingElse(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	secret := s.token(t, "", access.ScopeAdmin)
	for _, c := range [][2]string{
		{"GET", "/"}, {"GET", "/none"}, {"DELETE", "/organizations"}, {"PUT", "/users"}, {"GET", "/organizations/"}, {"POST", "/openapi.json"},
		{"GET", "/apps"}, {"GET", "/webhooks"}, {"POST", "/imports"}, {"GET", "/docs"}, {"GET", "/schemas/userOut.json"}, {"TRACE", "/organizations"},
	} {
		if a := s.call(t, secret, c[0], c[1], nil); a.status != 404 || a.code() != "not_found" {
			t.Errorf("%s %s: %d %s", c[0], c[1], a.status, a.raw)
		}
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	s := newServer(t, parts.New(t, "sqlite"))
	secret := s.token(t, "", access.ScopeAdmin)
	for _, path := range []string{"/organizations", "/none", "/organizations/x", "/openapi.json"} {
		a := s.call(t, secret, "GET", path, nil)
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Access-Control-Allow-Origin": "", "Set-Cookie": ""} {
			if got := a.header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}
