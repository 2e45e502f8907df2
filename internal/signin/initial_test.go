package signin_test

import (
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/testenv/parts"
)

// first has an invited user arrive by the Identity Provider for the first time.
func first(t *testing.T, h *house, u directory.User, current *signin.Identity) signin.Outcome {
	t.Helper()
	out, err := arrive(t, h.Parts, signin.Arrival{UserID: u.ID, Method: access.MethodSSO, ProfileID: h.profile.ID, ReturnTo: "/x"}, current)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAtTheFirstArrivalAPasswordIsSetOnce(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		u := h.people["invited@enforced.test"]
		out := first(t, h, u, nil)
		if out.Page != signin.PageInitialPassword || out.SessionToken != "" || p.User(t, u.ID) != u {
			t.Fatalf("%+v", out)
		}
		in := answer(out, nil)
		for _, weak := range []string{"", "short", "acme acme acme", "invited@enforced.test", "password1234"} {
			refused, err := p.SignIn.SetInitialPassword(t.Context(), visitor, in, weak)
			parts.Refused(t, err, fault.PasswordWeak)
			if refused.Page != signin.PageInitialPassword || refused.User.ID != u.ID {
				t.Errorf("%q: %+v", weak, refused)
			}
		}
		out, err := p.SignIn.SetInitialPassword(t.Context(), visitor, in, "another quiet harbour")
		if err != nil || out.ReturnTo != "/x" {
			t.Fatalf("%+v, %v", out, err)
		}
		i := identity(t, p, out.SessionToken)
		if i.Session.Method != access.MethodSSO || i.User.Status != access.UserActive || i.User.ProvedAt.IsZero() || !i.User.HasPassword() {
			t.Errorf("%+v", i)
		}
		h.Recorded(t, audit.UserActivated)
		_, err = p.SignIn.SetInitialPassword(t.Context(), visitor, in, "a third quiet harbour")
		parts.Refused(t, err, fault.LinkUsed)
		// From now on the policy holds: SSO alone.
		_, err = try(t, p, u.Email, "another quiet harbour")
		parts.Refused(t, err, fault.SSORequired)
		if out = first(t, h, u, nil); out.Page != signin.PageNone || !p.Live(t, out.SessionToken) {
			t.Errorf("the second arrival: %+v", out)
		}
	})
}

func TestOfTwoFirstArrivalsOneSetsThePassword(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		u := h.people["invited@enforced.test"]
		one, two := first(t, h, u, nil), first(t, h, u, nil)
		if _, err := p.SignIn.SetInitialPassword(t.Context(), visitor, answer(one, nil), "another quiet harbour"); err != nil {
			t.Fatal(err)
		}
		hash := p.User(t, u.ID).PasswordHash
		_, err := p.SignIn.SetInitialPassword(t.Context(), visitor, answer(two, nil), "a third quiet harbour")
		parts.Refused(t, err, fault.LinkUsed)
		if p.User(t, u.ID).PasswordHash != hash {
			t.Error("the second one has replaced the password")
		}
	})
}

func TestTheInitialPasswordPageAsksAgain(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		for name, c := range map[string]struct {
			change func(u directory.User)
			want   fault.Code
		}{
			"deactivated": {func(u directory.User) { p.SetStatus(t, u.ID, access.UserDeactivated) }, fault.UserDeactivated},
			"removed": {func(u directory.User) {
				if err := p.Directory.RemoveUser(t.Context(), operator, u.ID); err != nil {
					t.Fatal(err)
				}
			}, fault.UserNotFound},
			"exempt":  {func(u directory.User) { p.SetSSO(t, u.ID, access.SSODisabled, "") }, fault.SSONotEnabledForUser},
			"too old": {func(directory.User) { p.Pass(15 * time.Minute) }, fault.LinkExpired},
		} {
			u := h.Invited(t, "new-"+name[:3]+"@enforced.test")
			out := first(t, h, u, nil)
			c.change(u)
			if _, err := p.SignIn.SetInitialPassword(t.Context(), visitor, answer(out, nil), "another quiet harbour"); parts.Code(err) != c.want {
				t.Errorf("%s: %v", name, err)
			}
		}
		foreign := answer(first(t, h, h.people["invited@enforced.test"], nil), nil)
		foreign.BrowserTokens = []string{"another"}
		_, err := p.SignIn.SetInitialPassword(t.Context(), visitor, foreign, "another quiet harbour")
		parts.Refused(t, err, fault.LinkExpired)
		_, err = p.SignIn.SetInitialPassword(t.Context(), visitor, signin.Answer{PageToken: "none"}, "another quiet harbour")
		parts.Refused(t, err, fault.LinkExpired)
	})
}

func TestBehindTheInitialPasswordTheOtherSessionIsAskedFor(t *testing.T) {
	p := parts.New(t, "sqlite")
	h := newHouse(t, p)
	who, token := changing(t, p, "independent@free.test")
	page := answer(first(t, h, h.people["invited@enforced.test"], who), who)
	out, err := p.SignIn.SetInitialPassword(t.Context(), visitor, page, "another quiet harbour")
	if err != nil || out.Page != signin.PageContinue || !p.Live(t, token) {
		t.Fatalf("%+v, %v", out, err)
	}
	if out, err = p.SignIn.Continue(t.Context(), visitor, answer(out, who)); err != nil || !p.Live(t, out.SessionToken) || p.Live(t, token) {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestWithoutAnInitialPasswordTheIdentityProviderActivates(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		off := false
		h.Set(t, directory.OrganizationChange{InitialPassword: &off})
		u := h.people["invited@enforced.test"]
		out := first(t, h, u, nil)
		i := identity(t, p, out.SessionToken)
		if i == nil || i.User.Status != access.UserActive || i.User.HasPassword() || i.User.ProvedAt.IsZero() {
			t.Errorf("%+v", i)
		}
		h.Recorded(t, audit.UserActivated)
	})
}
