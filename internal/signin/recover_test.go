package signin_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/testenv"
	"sallyport/internal/testenv/parts"
)

// A refuge is an organization that nobody enters any more but by break-glass:
// its Identity Provider is enforced and out of reach.
type refuge struct {
	*parts.Organization
	owner, other directory.User // both own it
	codes        []string       // of owner
}

func newRefuge(t *testing.T, p *parts.Parts) *refuge {
	t.Helper()
	r := &refuge{Organization: p.Organization(t, "Acme")}
	d := r.Domain(t, "acme.test")
	r.owner, r.other = r.User(t, "owner@acme.test", access.RoleOwner), r.User(t, "other@acme.test", access.RoleOwner)
	r.User(t, "admin@acme.test", access.RoleAdministrator)
	r.codes = r.make(t, r.owner)
	r.Profile(t).Enforce(t, d)
	return r
}

// make makes codes for an owner.
func (r *refuge) make(t *testing.T, u directory.User) []string {
	t.Helper()
	codes, err := r.SignIn.MakeRecoveryCodes(t.Context(), parts.As(u))
	if err != nil {
		t.Fatal(err)
	}
	return codes
}

// recover tries a code.
func (r *refuge) recover(t *testing.T, email, code string) {
	t.Helper()
	if err := r.SignIn.Recover(t.Context(), visitor, email, code); err != nil {
		t.Fatal(err)
	}
}

// links are the secrets of the recovery links that an address was mailed since
// they were asked for last.
func (r *refuge) links(t *testing.T, to string) (tokens []string) {
	t.Helper()
	for _, m := range r.Mails(t, to) {
		if _, rest, ok := strings.Cut(m.Text, parts.BaseURL+"/recovery/"); ok {
			tokens = append(tokens, strings.Fields(rest)[0])
		}
	}
	return tokens
}

// link has the owner mailed a link.
func (r *refuge) link(t *testing.T) string {
	t.Helper()
	r.recover(t, r.owner.Email, r.codes[0])
	links := r.links(t, r.owner.Email)
	if len(links) != 1 {
		t.Fatalf("%d links", len(links))
	}
	return links[0]
}

func (r *refuge) use(t *testing.T, token string, current *signin.Identity) (signin.Outcome, error) {
	t.Helper()
	return r.SignIn.UseRecovery(t.Context(), visitor, token, current)
}

func TestACodeOpensASessionByMail(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRefuge(t, p)
		token := r.link(t)
		for range 3 { // to look changes nothing
			if v, err := p.SignIn.Recovery(t.Context(), token); err != nil || v != (signin.RecoveryView{Email: r.owner.Email, Organization: "Acme"}) {
				t.Fatalf("%+v, %v", v, err)
			}
		}
		out, err := r.use(t, token, nil)
		if err != nil || out.Page != signin.PageNone || out.ReturnTo != "/admin/"+r.ID {
			t.Fatalf("%+v, %v", out, err)
		}
		i := identity(t, p, out.SessionToken)
		if i.Session.Method != access.MethodRecovery || i.User.ID != r.owner.ID || !i.ExpiresAt.Equal(p.Now().Add(time.Hour)) {
			t.Errorf("%+v", i)
		}
		// Fresh to its end, and not longer than an hour.
		p.Pass(59 * time.Minute)
		if i = identity(t, p, out.SessionToken); i == nil || !ptr(i.Actor("", "")).Fresh {
			t.Fatalf("after 59 minutes: %+v", i)
		}
		if p.Pass(time.Minute); p.Live(t, out.SessionToken) {
			t.Error("after an hour")
		}
		if _, err := r.use(t, token, nil); parts.Code(err) != fault.LinkUsed {
			t.Errorf("again: %v", err)
		}
		for _, action := range []audit.Action{audit.RecoveryCodesMade, audit.RecoveryCodeUsed, audit.SignInSucceeded} {
			e := r.Recorded(t, action)
			if e.Target.ID != r.owner.ID {
				t.Errorf("%+v", e)
			}
			for _, c := range r.codes {
				if strings.Contains(strings.Join(strings.Fields(strings.ToUpper(sprint(e))), ""), c) {
					t.Errorf("the log holds a code: %+v", e)
				}
			}
		}
		for _, owner := range []string{r.owner.Email, r.other.Email} {
			if !mailed(p.Mails(t, owner), "Recovery access was used at Acme") {
				t.Errorf("%s was not told", owner)
			}
		}
		if mailed(p.Mails(t, "admin@acme.test"), "Recovery access was used at Acme") {
			t.Error("who is no owner was told")
		}
		if e, err := p.SignIn.LatestRecovery(t.Context(), r.Actor(access.RoleAdministrator), r.ID); err != nil || e.Email != r.owner.Email {
			t.Errorf("%+v, %v", e, err)
		}
		p.Pass(8 * 24 * time.Hour)
		if e, err := p.SignIn.LatestRecovery(t.Context(), r.Actor(access.RoleAdministrator), r.ID); err != nil || e.Email != "" {
			t.Errorf("for good: %+v, %v", e, err)
		}
		if err := p.SignIn.PurgeRecoveries(t.Context()); err != nil || p.Count(t, "select count(*) from recoveries") != 1 {
			t.Errorf("forgotten too early: %v", err)
		}
		p.Pass(90 * 24 * time.Hour)
		if err := p.SignIn.PurgeRecoveries(t.Context()); err != nil || p.Count(t, "select count(*) from recoveries") != 0 {
			t.Errorf("never forgotten: %v", err)
		}
	})
}

func mailed(mails []testenv.Mail, subject string) bool {
	for _, m := range mails {
		if m.Subject == subject {
			return true
		}
	}
	return false
}

// TestCodesThatAreNone tries what must not lead to a mail. Each answer is the
// same.
func TestCodesThatAreNone(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRefuge(t, p)
		old := r.codes
		r.codes = r.make(t, r.owner)
		others := r.make(t, r.other)
		admin, gone := r.User(t, "admin2@acme.test", access.RoleAdministrator), r.User(t, "gone@acme.test", access.RoleOwner)
		demoted, removed := r.User(t, "demoted@acme.test", access.RoleOwner), r.User(t, "removed@acme.test", access.RoleOwner)
		goners, demotes, removes := r.make(t, gone), r.make(t, demoted), r.make(t, removed)
		p.SetStatus(t, gone.ID, access.UserDeactivated)
		for _, role := range []access.Role{access.RoleMember, access.RoleOwner} { // an owner again, without the codes from before
			p.Change(t, demoted.ID, directory.UserChange{Role: &role})
		}
		if err := p.Directory.RemoveUser(t.Context(), parts.Operator(), removed.ID); err != nil {
			t.Fatal(err)
		}
		used := r.codes[9]
		r.recover(t, r.owner.Email, used)
		if n := len(r.links(t, r.owner.Email)); n != 1 {
			t.Fatalf("%d links", n)
		}
		refused := func() int {
			p.Outbox.Flush(t.Context())
			return p.Count(t, "select count(*) from audit_events where code = 'recovery_code_invalid'")
		}
		for name, c := range map[string][2]string{
			"used before":           {r.owner.Email, used},
			"replaced":              {r.owner.Email, old[0]},
			"another owner's":       {r.owner.Email, others[0]},
			"of no owner":           {admin.Email, r.codes[0]},
			"of a deactivated user": {gone.Email, goners[0]},
			"of before a demotion":  {demoted.Email, demotes[0]},
			"of a removed user":     {removed.Email, removes[0]},
			"of nobody":             {"nobody@acme.test", r.codes[0]},
			"of nobody, elsewhere":  {"nobody@elsewhere.test", r.codes[0]},
			"empty":                 {r.owner.Email, ""},
			"nearly":                {r.owner.Email, r.codes[0][1:]},
			"two at once":           {r.owner.Email, r.codes[0] + r.codes[1]},
			"the hash":              {r.owner.Email, "0000-0000-0000-0000"},
		} {
			p.Pass(2 * time.Hour) // a try is counted
			before := refused()
			r.recover(t, c[0], c[1])
			if n := refused(); n != before+1 {
				t.Errorf("%s: %d refusals in the log", name, n-before)
			}
		}
		// Not even an address: the answer is the same.
		for _, email := range []string{"", "no address", strings.Repeat("x", 70_000), "a\x00@acme.test"} {
			p.Pass(2 * time.Hour)
			r.recover(t, email, strings.Repeat("7", 70_000))
		}
		for _, to := range []string{r.owner.Email, r.other.Email, admin.Email, gone.Email, demoted.Email, removed.Email, "nobody@acme.test"} {
			if n := len(r.links(t, to)); n != 0 {
				t.Errorf("%s was mailed %d links", to, n)
			}
		}
	})
}

// TestCodesAsPeopleTypeThem reads them from paper.
func TestCodesAsPeopleTypeThem(t *testing.T) {
	p := parts.New(t, "sqlite")
	r := newRefuge(t, p)
	if len(r.codes) != 10 {
		t.Fatalf("%d codes", len(r.codes))
	}
	seen := map[string]bool{}
	for i, change := range []func(string) string{
		strings.ToLower,
		func(c string) string { return strings.ReplaceAll(c, "-", "") },
		func(c string) string { return " " + strings.ReplaceAll(c, "-", " ") + "\t" },
		func(c string) string { return strings.ReplaceAll(strings.ReplaceAll(c, "0", "o"), "1", "l") },
	} {
		if code := r.codes[i]; len(code) != 19 || strings.Count(code, "-") != 3 || strings.ContainsAny(code, "ILOU") || seen[code] {
			t.Errorf("%q", code)
		}
		seen[r.codes[i]] = true
		r.recover(t, r.owner.Email, change(r.codes[i]))
		if n := len(r.links(t, r.owner.Email)); n != 1 {
			t.Errorf("%q: %d links", change(r.codes[i]), n)
		}
	}
	stock, err := p.SignIn.RecoveryStock(t.Context(), r.owner.ID)
	if err != nil || stock.Left != 6 || stock.Made != 10 || stock.MadeAt.IsZero() {
		t.Errorf("%+v, %v", stock, err)
	}
	if n := p.Count(t, "select count(*) from recovery_codes where code_hash = $1", []byte(r.codes[9])); n != 0 {
		t.Error("a code stands in the database")
	}
}

// TestFiveTriesAnHour counts for each address, whoever has it, and right codes
// as well as wrong ones.
func TestFiveTriesAnHour(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRefuge(t, p)
		for _, email := range []string{r.owner.Email, "admin@acme.test", "nobody@elsewhere.test", "no address"} {
			for range 5 {
				r.recover(t, strings.ToUpper(email[:1])+email[1:], "wrong")
			}
			err := p.SignIn.Recover(t.Context(), visitor, email, r.codes[0])
			if f := parts.Refused(t, err, fault.RateLimited); f.RetryAfter <= 0 || f.RetryAfter > time.Hour {
				t.Errorf("%s: %v", email, f.RetryAfter)
			}
		}
		if n := len(r.links(t, r.owner.Email)); n != 0 {
			t.Errorf("%d links", n)
		}
		// The other owner is not hindered, nor a link that was mailed before.
		p.Pass(time.Hour)
		token := r.link(t)
		for range 4 {
			r.recover(t, r.owner.Email, "wrong")
		}
		if _, err := r.use(t, token, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestLinksThatEnded(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		member := access.RoleMember
		for name, spoil := range map[string]func(r *refuge){
			"after 15 minutes": func(*refuge) { p.Pass(15 * time.Minute) },
			"after demotion":   func(r *refuge) { p.Change(t, r.owner.ID, directory.UserChange{Role: &member}) },
			"deactivated":      func(r *refuge) { p.SetStatus(t, r.owner.ID, access.UserDeactivated) },
			"removed": func(r *refuge) {
				if err := p.Directory.RemoveUser(t.Context(), parts.Operator(), r.owner.ID); err != nil {
					t.Fatal(err)
				}
			},
			"demoted and an owner again": func(r *refuge) {
				owner := access.RoleOwner
				p.Change(t, r.owner.ID, directory.UserChange{Role: &member})
				p.Change(t, r.owner.ID, directory.UserChange{Role: &owner})
			},
		} {
			r := &refuge{Organization: p.Organization(t, "Acme")}
			host := strings.ReplaceAll(name, " ", "-") + ".test"
			r.Domain(t, host)
			r.owner, r.other = r.User(t, "owner@"+host, access.RoleOwner), r.User(t, "other@"+host, access.RoleOwner)
			r.codes = r.make(t, r.owner)
			token := r.link(t)
			p.Pass(14 * time.Minute)
			if _, err := p.SignIn.Recovery(t.Context(), token); err != nil {
				t.Fatalf("%s, before: %v", name, err)
			}
			spoil(r)
			_, err := p.SignIn.Recovery(t.Context(), token)
			if _, again := r.use(t, token, nil); parts.Code(err) != fault.LinkExpired || parts.Code(again) != fault.LinkExpired {
				t.Errorf("%s: %v, %v", name, err, again)
			}
		}
		for _, token := range []string{"", "x", "../login", strings.Repeat("x", 10_000)} {
			if _, err := p.SignIn.UseRecovery(t.Context(), visitor, token, nil); parts.Code(err) != fault.LinkExpired {
				t.Errorf("%.10q: %v", token, err)
			}
		}
	})
}

// TestARecoveryEndsWithWhatItStandsOn also where it has begun.
func TestARecoveryEndsWithWhatItStandsOn(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRefuge(t, p)
		token := p.Session(t, r.owner, session.Start{Method: access.MethodRecovery})
		usual := p.Session(t, r.owner, session.Start{})
		member := access.RoleAdministrator
		p.Change(t, r.owner.ID, directory.UserChange{Role: &member})
		if p.Live(t, token) || !p.Live(t, usual) {
			t.Error("a demoted owner keeps the session of break-glass, or loses the other one")
		}
	})
}

// TestNobodysSessionIsReplacedByARecovery without a question.
func TestNobodysSessionIsReplacedByARecovery(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		r := newRefuge(t, p)
		current := identity(t, p, p.Session(t, r.other, session.Start{}))
		out, err := r.use(t, r.link(t), current)
		if err != nil || out.Page != signin.PageContinue || out.SessionToken != "" {
			t.Fatalf("%+v, %v", out, err)
		}
		in := answer(out, current)
		out, err = p.SignIn.Continue(t.Context(), visitor, in)
		if err != nil || identity(t, p, out.SessionToken).Session.Method != access.MethodRecovery {
			t.Fatalf("%+v, %v", out, err)
		}
		if !mailed(p.Mails(t, r.other.Email), "Recovery access was used at Acme") {
			t.Error("nobody was told")
		}
	})
}

func TestWhoMakesCodesAndWhoRescues(t *testing.T) {
	p := parts.New(t, "sqlite")
	r := newRefuge(t, p)
	stale, recovering := parts.As(r.owner), parts.As(r.owner)
	stale.Fresh, recovering.Method = false, access.MethodRecovery
	for name, c := range map[string]struct {
		actor access.Actor
		want  fault.Code
	}{
		"an owner": {parts.As(r.owner), ""}, "in a recovery": {recovering, ""}, "after a while": {stale, fault.Forbidden},
		"an administrator": {r.Actor(access.RoleAdministrator), fault.Forbidden}, "a program": {r.Token(access.ScopeAdmin), fault.Forbidden},
		"the operator": {parts.Operator(), fault.Forbidden}, "nobody": {visitor, fault.Unauthenticated},
	} {
		if _, err := p.SignIn.MakeRecoveryCodes(t.Context(), c.actor); parts.Code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		actor access.Actor
		email string
		want  fault.Code
	}{
		"the operator": {parts.Operator(), r.owner.Email, ""}, "for an administrator": {parts.Operator(), "admin@acme.test", fault.Conflict},
		"for nobody": {parts.Operator(), "nobody@acme.test", fault.NotFound}, "for no address": {parts.Operator(), "x", fault.CodeInvalid},
		"an owner": {parts.As(r.owner), r.owner.Email, fault.Forbidden}, "an owner's program": {r.Token(access.ScopeAdmin), r.owner.Email, fault.Forbidden},
	} {
		url, until, err := p.SignIn.Rescue(t.Context(), c.actor, c.email)
		if parts.Code(err) != c.want || (err == nil) != strings.HasPrefix(url, parts.BaseURL+"/recovery/") || err == nil && !until.Equal(p.Now().Add(15*time.Minute)) {
			t.Errorf("%s: %q until %v, %v", name, url, until, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func sprint(v any) string { return fmt.Sprintf("%+v", v) }
