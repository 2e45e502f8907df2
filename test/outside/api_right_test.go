package outside

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

// An operation of the API: who may ask for it. The scope admin may always,
// where its level reaches.
type operation struct {
	method, path string
	operator     bool     // whatever the scope, only an operator's token
	scopes       []string // besides admin
}

// operations is every operation that there is, by its id.
var operations = map[string]operation{
	"create-organization": {"POST", "/organizations", true, nil},
	"list-organizations":  {"GET", "/organizations", false, []string{"read", "users", "sso", "audit"}},
	"get-organization":    {"GET", "/organizations/ORG", false, []string{"read", "users", "sso", "audit"}},
	"update-organization": {"PATCH", "/organizations/ORG", false, nil},

	"claim-domain":        {"POST", "/organizations/ORG/domains", false, nil},
	"list-domains":        {"GET", "/organizations/ORG/domains", false, []string{"read", "users", "sso"}},
	"get-domain":          {"GET", "/domains/DOM", false, []string{"read", "users", "sso"}},
	"delete-domain":       {"DELETE", "/domains/DOM", false, nil},
	"verify-domain":       {"POST", "/domains/DOM/verify", false, nil},
	"award-domain":        {"PUT", "/domains/DOM/holder", true, nil},
	"enforce-domain":      {"PUT", "/domains/DOM/enforcement", false, []string{"sso"}},
	"preview-enforcement": {"POST", "/domains/DOM/enforcement/preview", false, []string{"sso"}},
	"enforce-domains":     {"PUT", "/organizations/ORG/enforcement", false, []string{"sso"}},

	"add-user":                {"POST", "/organizations/ORG/users", false, []string{"users"}},
	"list-users":              {"GET", "/organizations/ORG/users", false, []string{"read", "users", "sso"}},
	"create-independent-user": {"POST", "/users", true, []string{"users"}},
	"get-user":                {"GET", "/users/USR", false, []string{"read", "users", "sso"}},
	"update-user":             {"PATCH", "/users/USR", false, []string{"users"}},
	"remove-user":             {"DELETE", "/users/USR", false, []string{"users"}},
	"list-user-sessions":      {"GET", "/users/USR/sessions", false, []string{"read", "users", "sso"}},
	"send-invitation":         {"POST", "/users/USR/invitation", false, []string{"users"}},
	"send-password-reset":     {"POST", "/users/USR/password-reset", false, []string{"users"}},
	"end-user-sessions":       {"DELETE", "/users/USR/sessions", false, []string{"users"}},

	"start-import":     {"POST", "/organizations/ORG/imports", false, []string{"users"}},
	"list-imports":     {"GET", "/organizations/ORG/imports", false, []string{"read", "users", "sso"}},
	"get-import":       {"GET", "/imports/JOB", false, []string{"read", "users", "sso"}},
	"list-import-rows": {"GET", "/imports/JOB/rows", false, []string{"read", "users", "sso"}},
	"get-import-file":  {"GET", "/imports/JOB/rows.csv", false, []string{"read", "users", "sso"}},
	"confirm-import":   {"POST", "/imports/JOB/confirm", false, []string{"users"}},
	"undo-import":      {"POST", "/imports/JOB/undo", false, []string{"users"}},

	"list-user-accounts": {"GET", "/users/USR/accounts", false, []string{"read", "users"}},
	"create-account":     {"POST", "/organizations/ORG/accounts", false, []string{"users"}},
	"list-accounts":      {"GET", "/organizations/ORG/accounts", false, []string{"read", "users"}},
	"get-account":        {"GET", "/accounts/ACC", false, []string{"read", "users"}},
	"update-account":     {"PATCH", "/accounts/ACC", false, []string{"users"}},
	"list-members":       {"GET", "/accounts/ACC/members", false, []string{"read", "users"}},
	"set-member":         {"PUT", "/accounts/ACC/members/USR", false, []string{"users"}},
	"remove-member":      {"DELETE", "/accounts/ACC/members/USR", false, []string{"users"}},

	"create-sso-profile": {"POST", "/organizations/ORG/sso-profiles", false, []string{"sso"}},
	"list-sso-profiles":  {"GET", "/organizations/ORG/sso-profiles", false, []string{"read", "sso"}},
	"get-sso-profile":    {"GET", "/sso-profiles/SSO", false, []string{"read", "sso"}},
	"update-sso-profile": {"PATCH", "/sso-profiles/SSO", false, []string{"sso"}},
	"delete-sso-profile": {"DELETE", "/sso-profiles/SSO", false, []string{"sso"}},
	"test-sso-profile":   {"POST", "/sso-profiles/SSO/tests", false, []string{"sso"}},

	"list-sso-profile-tests":    {"GET", "/sso-profiles/SSO/tests", false, []string{"read", "sso"}},
	"get-test":                  {"GET", "/tests/TST", false, []string{"read", "sso"}},
	"list-setup-links":          {"GET", "/sso-profiles/SSO/setup-links", false, []string{"read", "sso"}},
	"create-setup-link":         {"POST", "/sso-profiles/SSO/setup-links", false, []string{"sso"}},
	"revoke-setup-link":         {"DELETE", "/setup-links/LNK", false, []string{"sso"}},
	"get-sso-profile-draft":     {"GET", "/sso-profiles/SSO/draft", false, []string{"read", "sso"}},
	"discard-sso-profile-draft": {"DELETE", "/sso-profiles/SSO/draft", false, []string{"sso"}},
	"apply-sso-profile-draft":   {"POST", "/sso-profiles/SSO/draft/apply", false, []string{"sso"}},
	"preview-enforcements":      {"POST", "/organizations/ORG/enforcement/preview", false, []string{"sso"}},

	"get-sso-profile-metadata":         {"GET", "/sso-profiles/SSO/metadata", false, []string{"read", "sso"}},
	"decide-sso-profile-entity":        {"POST", "/sso-profiles/SSO/metadata/entity", false, []string{"sso"}},
	"refresh-sso-profile-metadata":     {"POST", "/sso-profiles/SSO/metadata/refresh", false, []string{"sso"}},
	"list-sso-profile-certificates":    {"GET", "/sso-profiles/SSO/certificates", false, []string{"read", "sso"}},
	"distrust-sso-profile-certificate": {"DELETE", "/sso-profiles/SSO/certificates/" + someSHA256, false, []string{"sso"}},
	"approve-sso-profile-certificate":  {"POST", "/sso-profiles/SSO/certificates/" + someSHA256 + "/approve", false, []string{"sso"}},
	"refuse-sso-profile-certificate":   {"POST", "/sso-profiles/SSO/certificates/" + someSHA256 + "/refuse", false, []string{"sso"}},

	"list-sso-profile-keys":  {"GET", "/sso-profiles/SSO/keys", false, []string{"read", "sso"}},
	"rotate-sso-profile-key": {"POST", "/sso-profiles/SSO/keys", false, []string{"sso"}},
	"reseal-secrets":         {"POST", "/keys/reseal", true, nil},

	"explain":            {"GET", "/explain?email=nobody@nowhere.test", false, []string{"read", "users", "sso"}},
	"list-feedback":      {"GET", "/feedback", true, []string{"read"}},
	"summarize-feedback": {"GET", "/feedback/summary", true, []string{"read"}},
	"get-feedback-file":  {"GET", "/feedback.csv", true, []string{"read"}},
	"delete-feedback":    {"DELETE", "/feedback/FBK", true, nil},

	"list-installation-events": {"GET", "/audit", true, []string{"read", "audit"}},
	"list-audit-events":        {"GET", "/organizations/ORG/audit", false, []string{"read", "audit"}},
	"export-audit-events":      {"GET", "/organizations/ORG/audit/export", false, []string{"read", "audit"}},
	"list-sign-ins":            {"GET", "/organizations/ORG/sign-ins", false, []string{"read", "sso", "audit"}},
	"get-sign-in":              {"GET", "/sign-ins/ATT", false, []string{"read", "sso", "audit"}},
	"reveal-sign-in":           {"POST", "/sign-ins/ATT/reveal", false, []string{"sso"}},
	"replay-sign-in":           {"POST", "/sign-ins/ATT/replay", false, []string{"read", "sso"}},

	"create-token": {"POST", "/tokens", false, nil},
	"list-tokens":  {"GET", "/tokens", false, nil},
	"delete-token": {"DELETE", "/tokens/TOK", false, nil},
}

var scopes = []string{"admin", "read", "users", "sso", "audit"}

// someSHA256 is a certificate's that nobody has.
const someSHA256 = "00000000000000000000000000000000000000000000000000000000000000ff"

// at returns the path of an operation on things with these ids, by their
// prefix in capitals.
func (o operation) at(ids map[string]string) string {
	path := o.path
	for kind, id := range ids {
		path = strings.ReplaceAll(path, kind, id)
	}
	return path
}

// nothing are ids of the right shape that nothing has.
var nothing = map[string]string{
	"ORG": "org_0000000000000000000000000c", "DOM": "dom_0000000000000000000000000c", "USR": "usr_0000000000000000000000000c",
	"ACC": "acc_0000000000000000000000000c", "SSO": "sso_0000000000000000000000000c", "TOK": "tok_0000000000000000000000000c",
	"JOB": "job_0000000000000000000000000c", "LNK": "lnk_0000000000000000000000000c", "TST": "tst_0000000000000000000000000c",
	"ATT": "att_0000000000000000000000000c", "FBK": "fbk_0000000000000000000000000c",
}

func TestTheTableOfOperationsIsTheDescriptionThatIsServed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		a := s.NewBrowser(t).Get(t, "/api/v1/openapi.json")
		var served struct {
			OpenAPI string
			Paths   map[string]map[string]struct{ OperationID string }
		}
		if err := json.Unmarshal([]byte(a.Body), &served); err != nil || a.Status != 200 || !strings.HasPrefix(served.OpenAPI, "3.1") {
			t.Fatalf("%d %v: %.200s", a.Status, err, a.Body)
		}
		found := make(map[string]string)
		for path, methods := range served.Paths {
			for method, o := range methods {
				found[o.OperationID] = strings.ToUpper(method) + " " + path
			}
		}
		for id, o := range operations {
			path, _, _ := strings.Cut(o.path, "?")
			path = strings.NewReplacer("ORG", "{id}", "DOM", "{id}", "ACC/members/USR", "{id}/members/{user}", "ACC", "{id}", "USR", "{id}", "SSO", "{id}", "TOK", "{id}", "JOB", "{id}", "LNK", "{id}", "TST", "{id}", "ATT", "{id}", "FBK", "{id}", someSHA256, "{sha256}").Replace(path)
			if want := o.method + " " + path; found[id] != want {
				t.Errorf("%s is %q, not %q", id, found[id], want)
			}
			delete(found, id)
		}
		if len(found) > 0 {
			t.Errorf("operations that no test knows: %v", slices.Sorted(maps.Keys(found)))
		}
	})
}

func TestWithoutATokenEverythingIsRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		for id, o := range operations {
			for _, token := range []string{"", "x", "slp_", "slp_" + strings.Repeat("A", 43), "Basic x", s.Token + "x", s.Token[:len(s.Token)-1], strings.ToUpper(s.Token)} {
				s.RefusedAs(t, token, 401, "unauthenticated", o.method, o.at(nothing), "{ no JSON")
				if t.Failed() {
					t.Fatalf("%s with %q", id, token)
				}
			}
		}
		// A person's session is no token.
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		a := b.Get(t, "/api/v1/organizations")
		if a.Status != 401 || a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("with a session cookie: %d, %v", a.Status, a.Header)
		}
		if a := s.NewBrowser(t).Get(t, "/api/v1/organizations?token="+s.Token+"&access_token="+s.Token); a.Status != 401 {
			t.Errorf("with the token in the address: %d", a.Status)
		}
	})
}

func TestEachScopeReachesItsOperationsAndNoOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		for _, scope := range scopes {
			operator := s.OK(t, "POST", "/tokens", harness.Object{"scope": scope})["token"].(string)
			for token, level := range map[string]string{operator: "operator", org.NewToken(t, scope): "organization"} {
				for id, o := range operations {
					allowed := scope == "admin" || slices.Contains(o.scopes, scope)
					if o.operator && level != "operator" {
						allowed = false
					}
					status, _, answer := s.Call(t, token, o.method, o.at(nothing), "{}")
					refused := status == 403 && answer["code"] == "forbidden"
					if refused == allowed {
						t.Errorf("%s with scope %s of the %s: %d %v", id, scope, level, status, answer["code"])
					}
					// Scope comes before existence, existence before the body.
					if allowed && o.at(nothing) != o.path && status != 404 {
						t.Errorf("%s with scope %s of the %s: %d %v, not 404", id, scope, level, status, answer["code"])
					}
					if status == 401 || status >= 500 {
						t.Errorf("%s with scope %s of the %s: %d %v", id, scope, level, status, answer)
					}
				}
			}
		}
	})
}

func TestTheScopeOfUsersChangesNoRoleAndNoSSO(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, id := harness.Enforced(t, s, nil)
		owner := harness.ID(s.OK(t, "POST", "/organizations/"+p.Organization.ID+"/users", harness.Object{"email": p.Address("owner"), "role": "owner", "password": harness.Password}))
		users, sso := p.NewToken(t, "users"), p.NewToken(t, "sso")
		everybodys := s.OK(t, "POST", "/tokens", harness.Object{"scope": "users"})["token"].(string)
		for _, token := range []string{users, everybodys} {
			s.RefusedAs(t, token, 403, "forbidden", "PATCH", "/users/"+id, harness.Object{"role": "administrator"})
			s.RefusedAs(t, token, 403, "forbidden", "PATCH", "/users/"+id, harness.Object{"name": "Renamed", "role": "owner"})
			s.RefusedAs(t, token, 403, "forbidden", "PATCH", "/users/"+id, harness.Object{"sso": harness.Object{"setting": "disabled"}})
			s.RefusedAs(t, token, 403, "forbidden", "POST", "/organizations/"+p.Organization.ID+"/users", harness.Object{"email": p.Address("new"), "role": "administrator"})
			s.RefusedAs(t, token, 403, "forbidden", "DELETE", "/users/"+owner, nil)
			s.RefusedAs(t, token, 403, "forbidden", "PATCH", "/users/"+owner, harness.Object{"status": "deactivated"})
		}
		s.RefusedAs(t, users, 403, "forbidden", "POST", "/organizations/"+p.Organization.ID+"/users", harness.Object{"email": p.Address("new"), "password": harness.Password})
		s.RefusedAs(t, users, 403, "forbidden", "POST", "/users", harness.Object{"email": p.Address("new")})
		s.RefusedAs(t, sso, 403, "forbidden", "PATCH", "/users/"+id, harness.Object{"name": "Renamed"})
		s.RefusedAs(t, sso, 403, "forbidden", "PATCH", "/sso-profiles/"+p.ID, harness.Object{"managed_by": "operator"})
		s.RefusedAs(t, sso, 403, "forbidden", "POST", "/sso-profiles/"+p.ID+"/tests", harness.Object{"method": "operator"})
		s.RefusedAs(t, p.NewToken(t, "admin"), 403, "forbidden", "POST", "/domains/"+p.DomainID+"/verify", harness.Object{"method": "operator"})
		if u := s.User(t, id); u["role"] != "member" || u["name"] != "" || harness.At(u, "sso", "setting") != "inherit" {
			t.Errorf("the user is %v", u)
		}
		// A member's role may be named where nothing changes.
		if status, _, answer := s.Call(t, users, "PATCH", "/users/"+id, harness.Object{"role": "member", "name": "Renamed"}); status != 200 || answer["name"] != "Renamed" {
			t.Errorf("%d %v", status, answer)
		}
	})
}

func TestTenantsAreApart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		theirs, user, id := harness.Enforced(t, s, nil)
		account := harness.ID(s.OK(t, "POST", "/organizations/"+theirs.Organization.ID+"/accounts", harness.Object{"name": "Theirs"}))
		s.OK(t, "PUT", "/accounts/"+account+"/members/"+id, harness.Object{"roles": []string{"viewer"}})
		invitation := theirs.Invite(t, "somebody@outside-"+theirs.Domain)
		token := harness.ID(s.OK(t, "POST", "/tokens", harness.Object{"organization_id": theirs.Organization.ID, "scope": "read"}))
		independent := s.NewIndependentUser(t, "independent@outside-"+theirs.Domain)
		job := harness.ID(s.OK(t, "POST", "/organizations/"+theirs.Organization.ID+"/imports?dry_run=true", harness.Object{"source": "domain", "domain_ids": []string{theirs.DomainID}}))
		ids := map[string]string{"JOB": job, "ORG": theirs.Organization.ID, "DOM": theirs.DomainID, "USR": id, "ACC": account, "SSO": theirs.ID, "TOK": token,
			"LNK": harness.ID(s.OK(t, "POST", "/sso-profiles/"+theirs.ID+"/setup-links", harness.Object{})), "TST": harness.ID(s.OK(t, "POST", "/sso-profiles/"+theirs.ID+"/tests", harness.Object{})),
			"ATT": s.NewBrowser(t).DeliverEncoded(t, theirs, "!", "").Reference}
		state := func() string {
			o := "/organizations/" + theirs.Organization.ID
			return sprint(s.OK(t, "GET", o, nil), s.OK(t, "GET", o+"/domains", nil), s.OK(t, "GET", o+"/users", nil), s.OK(t, "GET", o+"/accounts", nil),
				s.OK(t, "GET", "/accounts/"+account+"/members", nil), s.OK(t, "GET", o+"/sso-profiles", nil), s.OK(t, "GET", "/tokens?organization_id="+theirs.Organization.ID, nil),
				s.User(t, independent), s.User(t, invitation))
		}
		before := state()

		ours, _, mineID := harness.Enforced(t, s, nil)
		admin := ours.NewToken(t, "admin")
		bodies := map[string]any{
			"update-organization": harness.Object{"name": "Taken"}, "claim-domain": harness.Object{"name": "taken-" + theirs.Domain}, "verify-domain": harness.Object{"method": "operator"},
			"enforce-domain": harness.Object{"sso_profile_id": nil}, "preview-enforcement": harness.Object{"sso_profile_id": nil},
			"enforce-domains": harness.Object{"sso_profile_id": nil, "domain_ids": []string{theirs.DomainID}}, "add-user": harness.Object{"email": "x@" + theirs.Domain},
			"update-user": harness.Object{"name": "Taken"}, "create-account": harness.Object{"name": "Taken"}, "update-account": harness.Object{"name": "Taken"},
			"set-member": harness.Object{"roles": []string{"administrator"}}, "create-sso-profile": harness.Object{"name": "Taken"}, "update-sso-profile": harness.Object{"name": "Taken"}, "rotate-sso-profile-key": harness.Object{},
			"start-import": harness.Object{"source": "domain", "domain_ids": []string{theirs.DomainID}}, "confirm-import": harness.Object{}, "undo-import": harness.Object{},
		}
		for name, o := range operations {
			if o.at(ids) == o.path {
				continue
			}
			status, code := 404, "not_found"
			if o.operator {
				status, code = 403, "forbidden"
			}
			for _, body := range []any{bodies[name], "{ no JSON", harness.Object{"nonsense": 1}} {
				answer := s.RefusedAs(t, admin, status, code, o.method, o.at(ids), body)
				// What is not there reads the same.
				other := s.RefusedAs(t, admin, status, code, o.method, o.at(nothing), body)
				for _, x := range []harness.Object{answer, other} {
					delete(x, "reference")
				}
				if sprint(answer) != sprint(other) {
					t.Errorf("%s: %v is told apart from %v", name, answer, other)
				}
			}
		}
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"GET", "/users/" + invitation, nil}, {"DELETE", "/users/" + invitation, nil},
			{"GET", "/users/" + independent, nil}, {"PATCH", "/users/" + independent, harness.Object{"name": "Taken"}}, {"DELETE", "/users/" + independent, nil},
			{"GET", "/users/" + independent + "/sessions", nil}, {"DELETE", "/users/" + independent + "/sessions", nil},
			{"GET", "/explain?email=" + user, nil}, {"GET", "/explain?email=independent@outside-" + theirs.Domain, nil}, {"GET", "/explain?email=nobody@" + theirs.Domain, nil},
			{"POST", "/tokens", harness.Object{"organization_id": theirs.Organization.ID, "scope": "read"}}, {"GET", "/tokens?organization_id=" + theirs.Organization.ID, nil},
		} {
			s.RefusedAs(t, admin, 404, "not_found", c.method, c.path, c.body)
		}
		// What is theirs, named beside what is ours.
		own := harness.ID(s.OK(t, "POST", "/organizations/"+ours.Organization.ID+"/accounts", harness.Object{"name": "Ours"}))
		s.RefusedAs(t, admin, 404, "not_found", "PUT", "/accounts/"+own+"/members/"+id, harness.Object{"roles": []string{"viewer"}})
		s.RefusedAs(t, admin, 404, "not_found", "DELETE", "/accounts/"+own+"/members/"+id, nil)
		for path, body := range map[string]harness.Object{
			"/domains/" + ours.DomainID + "/enforcement": {"sso_profile_id": theirs.ID, "acknowledge": true},
			"/domains/" + ours.DomainID + "/enforcement?": {"sso_profile_id": ours.ID, "acknowledge": true,
				"exempt_user_ids": []string{id}},
			"/organizations/" + ours.Organization.ID + "/enforcement": {"sso_profile_id": ours.ID, "acknowledge": true, "domain_ids": []string{ours.DomainID, theirs.DomainID}},
		} {
			s.RefusedAs(t, admin, 422, "invalid", "PUT", path, body)
		}
		s.RefusedAs(t, admin, 422, "invalid", "PATCH", "/users/"+mineID, harness.Object{"sso": harness.Object{"setting": "enabled", "profile_id": theirs.ID}})
		// Lists hold what is ours.
		_, _, list := s.Call(t, admin, "GET", "/organizations", nil)
		if items := harness.Items(list); len(items) != 1 || harness.ID(items[0]) != ours.Organization.ID {
			t.Errorf("the organizations of a tenant are %v", list)
		}
		_, _, list = s.Call(t, admin, "GET", "/tokens", nil)
		for _, one := range harness.Items(list) {
			if one["organization_id"] != ours.Organization.ID {
				t.Errorf("a tenant's list of tokens holds %v", one)
			}
		}
		if after := state(); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	})
}

func TestAddingAnAddressDoesNotTellWhoExistsElsewhere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		theirs, user, _ := harness.Enforced(t, s, nil)
		independent := "independent@outside-" + theirs.Domain
		s.NewIndependentUser(t, independent)
		ours := harness.NewOrganization(t, s)
		admin := ours.NewToken(t, "admin")
		want := ""
		for _, address := range []string{user, theirs.Address("nobody"), independent, "nobody@outside-" + theirs.Domain} {
			status, _, o := s.Call(t, admin, "POST", "/organizations/"+ours.ID+"/users", harness.Object{"email": address})
			if status != 201 || !strings.HasPrefix(harness.ID(o), "inv_") || o["status"] != "invited" || o["email"] != address {
				t.Fatalf("%s: %d %v", address, status, o)
			}
			if s.OK(t, "GET", "/users/"+harness.ID(o), nil)["email"] != address {
				t.Errorf("the invitation of %s is not there", address)
			}
			delete(o, "id")
			delete(o, "email")
			delete(o, "created_at")
			if want == "" {
				want = sprint(o)
			}
			if sprint(o) != want {
				t.Errorf("%s is answered %s, not %s", address, sprint(o), want)
			}
		}
		// A password is for the operator, who may know.
		s.RefusedAs(t, admin, 403, "forbidden", "POST", "/organizations/"+ours.ID+"/users", harness.Object{"email": "x@" + theirs.Domain, "password": harness.Password})
		s.Refused(t, 409, "user_managed_elsewhere", "POST", "/organizations/"+ours.ID+"/users", harness.Object{"email": user, "password": harness.Password})
		s.Refused(t, 409, "domain_verified_elsewhere", "POST", "/organizations/"+ours.ID+"/users", harness.Object{"email": theirs.Address("x"), "password": harness.Password})
	})
}

func TestATokenEndsByTimeAndByDeletion(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		o := s.OK(t, "POST", "/tokens", harness.Object{"organization_id": org.ID, "scope": "read", "name": "For the test", "expires": "30m"})
		same(t, "a new token", o, "id", "name", "organization_id", "scope", "created_at", "expires_at", "token")
		token, id := o["token"].(string), harness.ID(o)
		if !strings.HasPrefix(token, "slp_") || !strings.HasPrefix(id, "tok_") {
			t.Fatalf("%v", o)
		}
		created, _ := time.Parse(time.RFC3339, o["created_at"].(string))
		expires, _ := time.Parse(time.RFC3339, o["expires_at"].(string))
		if expires.Sub(created) != 30*time.Minute {
			t.Errorf("it lives from %v to %v", created, expires)
		}
		list := s.OK(t, "GET", "/tokens?organization_id="+org.ID, nil)
		if items := harness.Items(list); len(items) != 1 || items[0]["token"] != nil || strings.Contains(sprint(list), token) {
			t.Errorf("the list is %v", list)
		}
		get := func() (int, any) {
			status, _, answer := s.Call(t, token, "GET", "/organizations/"+org.ID, nil)
			return status, answer["code"]
		}
		if status, code := get(); status != 200 {
			t.Fatalf("%d %v", status, code)
		}
		s.Exec(t, "update api_tokens set expires_at = $1 where id = $2", time.Now().Add(-time.Millisecond), id)
		s.RefusedAs(t, token, 401, "token_expired", "GET", "/organizations/"+org.ID, nil)
		s.RefusedAs(t, token, 401, "token_expired", "POST", "/organizations", "{ no JSON")
		s.Exec(t, "update api_tokens set expires_at = $1 where id = $2", time.Now().Add(time.Hour), id)
		if status, _, answer := s.Call(t, s.Token, "DELETE", "/tokens/"+id, nil); status != 204 {
			t.Fatalf("%d %v", status, answer)
		}
		s.RefusedAs(t, token, 401, "unauthenticated", "GET", "/organizations/"+org.ID, nil)
		s.Refused(t, 404, "not_found", "DELETE", "/tokens/"+id, nil)
		if events := actions(t, org); events["token.created"] != 1 || events["token.deleted"] != 1 {
			t.Errorf("the log holds %v", events)
		}
		for _, bad := range []harness.Object{{"scope": "everything"}, {}, {"scope": "read", "expires": "10s"}, {"scope": "read", "expires": "0d"}, {"scope": "read", "expires": "400d"},
			{"scope": "read", "expires": "-1d"}, {"scope": "read", "expires": "soon"}, {"scope": "read", "name": strings.Repeat("x", 201)}} {
			s.Refused(t, 422, "invalid", "POST", "/tokens", bad)
		}
		s.Refused(t, 404, "not_found", "POST", "/tokens", harness.Object{"scope": "read", "organization_id": nothing["ORG"]})
	})
}

func TestATokenMakesNoTokenOfAHigherLevelOrWiderScope(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		admin := org.NewToken(t, "admin")
		status, _, o := s.Call(t, admin, "POST", "/tokens", harness.Object{"scope": "users"})
		if status != 201 || o["organization_id"] != org.ID {
			t.Fatalf("the token of an organization made %d %v", status, o)
		}
		for _, scope := range []string{"read", "users", "sso", "audit"} {
			s.RefusedAs(t, org.NewToken(t, scope), 403, "forbidden", "POST", "/tokens", harness.Object{"scope": scope})
		}
		// One that an organization's token made reaches nothing else.
		s.RefusedAs(t, o["token"].(string), 403, "forbidden", "POST", "/organizations", harness.Object{"name": "x"})
		if status, _, _ := s.Call(t, o["token"].(string), http.MethodGet, "/organizations/"+harness.NewOrganization(t, s).ID, nil); status != 404 {
			t.Errorf("it reads another organization: %d", status)
		}
	})
}
