package api_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/api"
	"sallyport/internal/feedback"
	"sallyport/internal/imports"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/internal/token"
)

// A server is the door on its parts.
type server struct {
	*parts.Parts
	api *api.API
}

func newServer(t testing.TB, p *parts.Parts) *server {
	t.Helper()
	return &server{p, api.New(api.Services{DB: p.DB, IDs: p.IDs, Audit: p.Audit, Directory: p.Directory, Record: p.Record, SSO: p.SSO, SignIn: p.SignIn, Tokens: p.Tokens, Imports: p.Imports, Feedback: p.Feedback},
		api.Config{BaseURL: parts.BaseURL, Version: "1"})}
}

// token makes a token: of an organization, or operator-wide with an empty id.
func (s *server) token(t testing.TB, organizationID string, scope access.Scope) string {
	t.Helper()
	_, secret, err := s.Tokens.Create(t.Context(), parts.Operator(), token.NewToken{OrganizationID: organizationID, Scope: scope})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// An answer is what a program gets.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func (a answer) code() string {
	code, _ := a.body["code"].(string)
	return code
}

// call asks the API. A body that is a string is sent as it is.
func (s *server) call(t testing.TB, secret, method, path string, body any, header ...string) answer {
	t.Helper()
	var reader io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		reader = strings.NewReader(string(raw))
	}
	r := httptest.NewRequest(method, api.Prefix+path, reader)
	r.Header.Set("Content-Type", "application/json")
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if kind := a.header.Get("Content-Type"); len(a.raw) > 0 && !strings.HasPrefix(kind, "text/csv") && kind != "application/jsonl" {
		if err := json.Unmarshal([]byte(a.raw), &a.body); err != nil {
			t.Fatalf("%s %s answers %d %s", method, path, a.status, a.raw)
		}
	}
	return a
}

// object is a JSON object.
type object = map[string]any

// An operation is one of the API's, as its description tells.
type operation struct {
	id, method, path string
	description      object
}

func operations(t testing.TB, s *server) (list []operation) {
	t.Helper()
	raw, err := s.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]object
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			id, _ := op["operationId"].(string)
			list = append(list, operation{id, strings.ToUpper(method), path, op})
		}
	}
	slices.SortFunc(list, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return list
}

// A tenant is an organization with one of everything.
type tenant struct {
	*parts.Organization
	ids map[string]string // by the first part of the path
}

func (s *server) tenant(t testing.TB, host string) *tenant {
	t.Helper()
	o := s.Organization(t, "Acme")
	d := o.Domain(t, host)
	u := o.User(t, "user@"+host, access.RoleMember)
	a, err := s.Directory.CreateAccount(t.Context(), parts.Operator(), o.ID, "Account")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Directory.SetMember(t.Context(), parts.Operator(), a.ID, u.ID, []string{"viewer"}); err != nil {
		t.Fatal(err)
	}
	tok, _, err := s.Tokens.Create(t.Context(), parts.Operator(), token.NewToken{OrganizationID: o.ID, Scope: access.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	i, err := s.Imports.ImportCSV(t.Context(), parts.Operator(), o.ID, strings.NewReader("email\nnew@"+host+"\n"), imports.Options{DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	profile := o.Profile(t)
	test, err := s.SSO.NewTest(t.Context(), parts.Operator(), profile.ID, false)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := s.SSO.CreateSetupLink(t.Context(), parts.Operator(), profile.ID)
	if err != nil {
		t.Fatal(err)
	}
	s.draft(t, setup)
	_, err = s.Consume(t, sso.Response{ProfileID: profile.ID, SAMLResponse: []string{"!"}})
	var refusal *signin.Refusal
	if !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	said, err := s.Feedback.List(t.Context(), parts.Operator(), feedback.Query{Limit: 1}) // one is for all
	if err != nil {
		t.Fatal(err)
	}
	if len(said) == 0 {
		one, err := s.Feedback.Give(t.Context(), "192.0.2.1", feedback.NewAnswer{Page: "/help", Rating: "no"})
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, one)
	}
	return &tenant{o, map[string]string{"feedback": said[0].ID, "sign-ins": refusal.Reference, "tests": test.ID, "setup-links": setup.ID, "organizations": o.ID, "domains": d.ID, "users": u.ID, "accounts": a.ID, "sso-profiles": profile.ID, "tokens": tok.ID, "imports": i.ID}}
}

// draft has the holder of a setup link choose an Identity Provider.
func (s *server) draft(t testing.TB, link sso.NewSetupLink) {
	t.Helper()
	key, okta := sso.SetupKey{Token: strings.TrimPrefix(link.URL, parts.BaseURL+"/setup/")}, "okta"
	_, browser, err := s.SSO.ClaimSetup(t.Context(), access.Actor{}, key)
	if err != nil {
		t.Fatal(err)
	}
	key.BrowserTokens = []string{browser}
	if err := s.SSO.EnterSetup(t.Context(), access.Actor{}, key, sso.Input{IdP: &okta}); err != nil {
		t.Fatal(err)
	}
}

// target fills in the path of an operation with what belongs to the tenant.
func (x *tenant) target(path string) string {
	first, _, _ := strings.Cut(path[1:], "/")
	path = strings.Replace(path, "{id}", x.ids[first], 1)
	path = strings.Replace(path, "{user}", x.ids["users"], 1)
	if path == "/explain" {
		path += "?email=user@none.test"
	}
	return path
}

func newRequest(method, path string) *http.Request {
	return httptest.NewRequest(method, api.Prefix+path, nil)
}

func record(s *server, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, r)
	return w
}
