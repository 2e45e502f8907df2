package signin_test

import (
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/testenv/parts"
)

var operator = parts.Operator()

// A house is an organization with an enforced domain, a free one, and people of
// every kind at both.
type house struct {
	*parts.Organization
	enforced directory.Domain
	profile  *parts.Profile
	pilots   *parts.Profile
	people   map[string]directory.User // by the local part
}

func newHouse(t *testing.T, p *parts.Parts) *house {
	t.Helper()
	h := &house{Organization: p.Organization(t, "Acme"), people: map[string]directory.User{}}
	h.enforced = h.Domain(t, "enforced.test")
	h.Domain(t, "free.test")
	h.profile, h.pilots = h.Profile(t), h.Profile(t)
	for _, host := range []string{"enforced.test", "free.test"} {
		for _, kind := range []string{"managed", "exempt", "pilot", "gone"} {
			h.people[kind+"@"+host] = h.User(t, kind+"@"+host, access.RoleMember)
		}
		h.people["invited@"+host] = h.Invited(t, "invited@"+host)
		h.people["independent@"+host] = p.Independent(t, "independent@"+host)
		p.SetSSO(t, h.people["exempt@"+host].ID, access.SSODisabled, "")
		p.SetSSO(t, h.people["pilot@"+host].ID, access.SSOEnabled, h.pilots.ID)
		p.SetStatus(t, h.people["gone@"+host].ID, access.UserDeactivated)
	}
	h.profile.Enforce(t, h.enforced)
	return h
}

func (h *house) way(t *testing.T, email, choice string) string {
	t.Helper()
	w, err := h.SignIn.Identify(t.Context(), email, choice)
	if err != nil {
		t.Fatal(err)
	}
	switch w {
	case signin.Way{Method: access.MethodPassword}:
		return "password"
	case signin.Way{Method: access.MethodSSO, ProfileID: h.profile.ID}:
		return "sso"
	case signin.Way{Method: access.MethodSSO, ProfileID: h.pilots.ID}:
		return "pilot"
	}
	t.Fatalf("%+v", w)
	return ""
}

func TestTheLoginPageShowsNobody(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		for _, kind := range []string{"managed", "exempt", "gone", "invited", "independent", "unknown"} {
			if got := h.way(t, kind+"@enforced.test", ""); got != "sso" {
				t.Errorf("%s at an enforced domain: %s", kind, got)
			}
			if got := h.way(t, kind+"@free.test", ""); got != "password" {
				t.Errorf("%s elsewhere: %s", kind, got)
			}
			if got := h.way(t, kind+"@nobody.test", ""); got != "password" {
				t.Errorf("%s at nobody's domain: %s", kind, got)
			}
		}
		for _, host := range []string{"free.test", "enforced.test"} {
			if got := h.way(t, "PILOT@"+host, ""); got != "pilot" {
				t.Errorf("a pilot at %s: %s", host, got)
			}
		}
	})
}

func TestABrowserRemembersWhosePasswordWasUsed(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		choice := p.SignIn.PasswordChoice("Exempt@Enforced.TEST")
		for email, want := range map[string]string{
			"exempt@enforced.test": "password", " EXEMPT@enforced.test ": "password",
			// Nobody else is shown by it.
			"managed@enforced.test": "sso", "unknown@enforced.test": "sso", "independent@enforced.test": "sso", "gone@enforced.test": "sso",
			"exempt@free.test": "password", "pilot@free.test": "pilot",
		} {
			if got := h.way(t, email, choice); got != want {
				t.Errorf("%s: %s, not %s", email, got, want)
			}
		}
		if got := h.way(t, "managed@enforced.test", p.SignIn.PasswordChoice("managed@enforced.test")); got != "sso" {
			t.Errorf("who has to use SSO: %s", got)
		}
		for _, forged := range []string{"password", "1", "true", "exempt@enforced.test", strings.ToUpper(choice), choice[1:], choice + "0"} {
			if got := h.way(t, "exempt@enforced.test", forged); got != "sso" {
				t.Errorf("%q: %s", forged, got)
			}
		}
		if p.SignIn.PasswordChoice("nonsense") != "" {
			t.Error("there is a choice of no address")
		}
	})
}

func TestTheWayFollowsTheDomain(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		for _, status := range []access.DomainStatus{access.DomainLapsing, access.DomainFrozen} {
			p.Status(t, h.enforced, status)
			if got := h.way(t, "unknown@enforced.test", ""); got != "sso" {
				t.Errorf("%s: %s", status, got)
			}
		}
		p.Release(t, h.enforced)
		if got := h.way(t, "managed@enforced.test", ""); got != "password" {
			t.Errorf("released: %s", got)
		}
	})
}

func TestNonsenseHasNoWay(t *testing.T) {
	p := parts.New(t, "sqlite")
	for _, email := range []string{"", "nonsense", "three quiet harbours", "a@b@c", "user@localhost", "\xff@acme.test"} {
		_, err := p.SignIn.Identify(t.Context(), email, "")
		if f := parts.Refused(t, err, fault.CodeInvalid); len(email) > 3 && strings.Contains(f.Error(), email) {
			t.Errorf("%q is repeated: %v", email, f)
		}
	}
}
