package signin_test

import (
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/testenv/parts"
)

// arrive has somebody arrive whom an Identity Provider or a password has
// proved.
func arrive(t *testing.T, p *parts.Parts, a signin.Arrival, current *signin.Identity) (out signin.Outcome, err error) {
	t.Helper()
	err = p.DB.Update(t.Context(), visitor, func(tx *db.Tx) (err error) {
		out, err = p.SignIn.Arrive(tx, a, current)
		return err
	})
	return out, err
}

func identity(t *testing.T, p *parts.Parts, token string) *signin.Identity {
	t.Helper()
	i, err := p.SignIn.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// answer is what comes back from a page in the browser that it was shown in.
func answer(out signin.Outcome, current *signin.Identity) signin.Answer {
	a := signin.Answer{PageToken: out.PageToken, BrowserTokens: []string{"another flow", out.BrowserToken}, Current: current}
	if current != nil {
		a.Named = current.User.ID
	}
	return a
}

func TestMismatchTellsTheFirstThingThatIsWrong(t *testing.T) {
	decisions := map[string]access.Decision{
		"none": {Method: access.MethodNone}, "password": {Method: access.MethodPassword}, "sso P": {Method: access.MethodSSO, ProfileID: "P"},
	}
	for _, c := range []struct {
		decided string
		method  access.Method
		profile string
		want    fault.Code
	}{
		{"none", access.MethodPassword, "", fault.UserDeactivated}, {"none", access.MethodSSO, "P", fault.UserDeactivated},
		{"password", access.MethodPassword, "", ""}, {"password", access.MethodSSO, "P", fault.SSONotEnabledForUser},
		{"sso P", access.MethodPassword, "", fault.SSORequired}, {"sso P", access.MethodSSO, "P", ""},
		{"sso P", access.MethodSSO, "Q", fault.SSOProfileMismatch}, {"sso P", access.MethodSSO, "", fault.SSOProfileMismatch},
	} {
		var got fault.Code
		if f := signin.Mismatch(decisions[c.decided], c.method, c.profile); f != nil {
			got = f.Code
		}
		if got != c.want {
			t.Errorf("%s, by %s %s: %q, not %q", c.decided, c.method, c.profile, got, c.want)
		}
	}
}

func TestAnArrivalBeginsASession(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		u := h.people["managed@enforced.test"]
		out, err := arrive(t, p, signin.Arrival{UserID: u.ID, Method: access.MethodSSO, ProfileID: h.profile.ID, NameID: "name", SessionIndex: "_1",
			AuthenticatedAt: p.Now().Add(-time.Hour), NotOnOrAfter: p.Now().Add(time.Hour), ReturnTo: "/x", Reference: "att_1"}, nil)
		if err != nil || out.Page != signin.PageNone || out.ReturnTo != "/x" {
			t.Fatalf("%+v, %v", out, err)
		}
		i := identity(t, p, out.SessionToken)
		s := i.Session
		if s.Method != access.MethodSSO || s.ProfileID != h.profile.ID || s.NameID != "name" || s.SessionIndex != "_1" ||
			!s.AuthenticatedAt.Equal(p.Now().Add(-time.Hour)) || !s.NotOnOrAfter.Equal(p.Now().Add(time.Hour)) {
			t.Errorf("%+v", s)
		}
		if actor := i.Actor("192.0.2.1", "B"); actor.Fresh || actor.OrganizationID != h.ID || actor.Role != access.RoleMember || actor.SessionID != s.ID {
			t.Errorf("%+v", actor)
		}
		if e := h.Recorded(t, audit.SignInSucceeded); e.Reference != "att_1" || e.Outcome != audit.Succeeded {
			t.Errorf("%+v", e)
		}
	})
}

func TestNobodyArrivesAgainstThePolicy(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		p.Unproved(t, "unproved@free.test")
		for _, c := range []struct {
			email   string
			method  access.Method
			profile string
			want    fault.Code
		}{
			{"managed@enforced.test", access.MethodPassword, "", fault.SSORequired},
			{"managed@enforced.test", access.MethodSSO, h.pilots.ID, fault.SSOProfileMismatch},
			{"pilot@free.test", access.MethodSSO, h.profile.ID, fault.SSOProfileMismatch},
			{"exempt@enforced.test", access.MethodSSO, h.profile.ID, fault.SSONotEnabledForUser},
			{"independent@enforced.test", access.MethodSSO, h.profile.ID, fault.SSONotEnabledForUser},
			{"gone@enforced.test", access.MethodSSO, h.profile.ID, fault.UserDeactivated},
			{"invited@free.test", access.MethodPassword, "", fault.UserNotActivated},
		} {
			out, err := arrive(t, p, signin.Arrival{UserID: h.people[c.email].ID, Method: c.method, ProfileID: c.profile}, nil)
			if parts.Code(err) != c.want || out.SessionToken != "" {
				t.Errorf("%s by %s: %+v, %v", c.email, c.method, out, err)
			}
		}
		_, err := arrive(t, p, signin.Arrival{UserID: "usr_none", Method: access.MethodPassword}, nil)
		parts.Refused(t, err, fault.UserNotFound)
		if n := p.Count(t, "select count(*) from sessions"); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestOnesOwnSessionIsReplaced(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		who, before := changing(t, p, u.Email)
		out, err := p.SignIn.Password(t.Context(), visitor, signin.PasswordAttempt{Email: u.Email, Password: parts.Password, Current: who})
		if err != nil || out.SessionToken == before {
			t.Fatalf("%+v, %v", out, err)
		}
		if p.Live(t, before) || !p.Live(t, out.SessionToken) {
			t.Error("the old session goes on")
		}
	})
}

func TestAnotherUsersSessionIsReplacedOnlyWhenAsked(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		a, b := p.Independent(t, "a@home.test"), p.Independent(t, "b@home.test")
		who, token := changing(t, p, a.Email)
		ask := func() signin.Outcome {
			t.Helper()
			out, err := p.SignIn.Password(t.Context(), visitor, signin.PasswordAttempt{Email: b.Email, Password: parts.Password, ReturnTo: "/x", Current: who})
			if err != nil || out.Page != signin.PageContinue || out.SessionToken != "" || out.PageToken == "" || out.BrowserToken == "" || out.User.ID != b.ID {
				t.Fatalf("%+v, %v", out, err)
			}
			return out
		}
		ask() // No: nothing is sent back, nothing has changed.
		if !p.Live(t, token) || p.Count(t, "select count(*) from sessions") != 1 {
			t.Error("the question has changed something")
		}
		out, err := p.SignIn.Continue(t.Context(), visitor, answer(ask(), who))
		if err != nil || out.ReturnTo != "/x" || identity(t, p, out.SessionToken).User.ID != b.ID || p.Live(t, token) {
			t.Errorf("%+v, %v", out, err)
		}
		// A third one is signed in by now, whom the page did not name.
		asked := ask()
		third, thirds := changing(t, p, p.Independent(t, "c@home.test").Email)
		in := answer(asked, third)
		in.Named = a.ID
		if out, err = p.SignIn.Continue(t.Context(), visitor, in); err != nil || out.Page != signin.PageContinue || !p.Live(t, thirds) {
			t.Errorf("%+v, %v", out, err)
		}
		// Nobody is signed in any more.
		if out, err = p.SignIn.Continue(t.Context(), visitor, answer(ask(), nil)); err != nil || !p.Live(t, out.SessionToken) {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

func TestAPageIsBoundToItsBrowserAndUsedOnce(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		a, b := p.Independent(t, "a@home.test"), p.Independent(t, "b@home.test")
		who, _ := changing(t, p, a.Email)
		out, err := p.SignIn.Password(t.Context(), visitor, signin.PasswordAttempt{Email: b.Email, Password: parts.Password, Current: who})
		if err != nil {
			t.Fatal(err)
		}
		good := answer(out, who)
		for name, in := range map[string]signin.Answer{
			"no browser":      {PageToken: good.PageToken},
			"another browser": {PageToken: good.PageToken, BrowserTokens: []string{"x", good.PageToken}},
			"no page":         {BrowserTokens: good.BrowserTokens},
			"another page":    {PageToken: out.BrowserToken, BrowserTokens: good.BrowserTokens},
		} {
			if _, err := p.SignIn.Continue(t.Context(), visitor, in); parts.Code(err) != fault.LinkExpired {
				t.Errorf("%s: %v", name, err)
			}
		}
		// The answer to another page than the one that was asked.
		_, err = p.SignIn.SetInitialPassword(t.Context(), visitor, good, "another quiet harbour")
		parts.Refused(t, err, fault.LinkExpired)
		errs := together(8, func() error {
			_, err := p.SignIn.Continue(t.Context(), visitor, good)
			return err
		})
		if errs[""] != 1 || errs[fault.LinkUsed] != 7 {
			t.Error(errs)
		}
		if n := p.Count(t, "select count(*) from sessions where user_id = $1", b.ID); n != 1 {
			t.Errorf("%d sessions of one answer", n)
		}
	})
}

// together counts the codes of n calls at once.
func together(n int, f func() error) map[fault.Code]int {
	done := make(chan error)
	for range n {
		go func() { done <- f() }()
	}
	codes := map[fault.Code]int{}
	for range n {
		codes[parts.Code(<-done)]++
	}
	return codes
}

func TestAPageIsAnsweredWithinAQuarterOfAnHour(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		a, b := p.Independent(t, "a@home.test"), p.Independent(t, "b@home.test")
		who, _ := changing(t, p, a.Email)
		for _, c := range []struct {
			after time.Duration
			want  fault.Code
		}{{15*time.Minute - time.Microsecond, ""}, {15 * time.Minute, fault.LinkExpired}} {
			out, err := p.SignIn.Password(t.Context(), visitor, signin.PasswordAttempt{Email: b.Email, Password: parts.Password, Current: who})
			if err != nil {
				t.Fatal(err)
			}
			p.Pass(c.after)
			if _, err := p.SignIn.Continue(t.Context(), visitor, answer(out, who)); parts.Code(err) != c.want {
				t.Errorf("after %v: %v", c.after, err)
			}
		}
		left := func() int {
			t.Helper()
			if err := p.SignIn.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			return p.Count(t, "select count(*) from arrivals")
		}
		if p.Pass(time.Hour); left() != 1 { // the second is just over, the first for longer
			t.Errorf("%d are left", left())
		}
		if p.Pass(time.Microsecond); left() != 0 {
			t.Error("an arrival stays for ever")
		}
	})
}

func TestThePolicyIsAskedAgainWhenAPageIsAnswered(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		profile := acme.Profile(t)
		a := p.Independent(t, "a@home.test")
		who, token := changing(t, p, a.Email)
		for name, c := range map[string]struct {
			change func(u directory.User)
			want   fault.Code
		}{
			"deactivated": {func(u directory.User) { p.SetStatus(t, u.ID, access.UserDeactivated) }, fault.UserDeactivated},
			"enforced":    {func(directory.User) { profile.Enforce(t, d) }, fault.SSORequired},
			"removed":     {func(u directory.User) { p.Exec(t, "delete from users where id = $1", u.ID) }, fault.UserNotFound},
		} {
			u := acme.User(t, name+"@acme.test", access.RoleMember)
			out, err := p.SignIn.Password(t.Context(), visitor, signin.PasswordAttempt{Email: u.Email, Password: parts.Password, Current: who})
			if err != nil {
				t.Fatal(err)
			}
			c.change(u)
			p.Pass(time.Second)
			if _, err := p.SignIn.Continue(t.Context(), visitor, answer(out, who)); parts.Code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
			if name == "enforced" {
				p.Release(t, d)
			}
		}
		if !p.Live(t, token) {
			t.Error("a refusal ended the session of who is here")
		}
	})
}
