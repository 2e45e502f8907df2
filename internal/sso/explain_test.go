package sso_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

// A world is a directory made by chance.
type world struct {
	*parts.Parts
	*rand.Rand
	organizations []*parts.Organization
	profiles      []*parts.Profile
	holders       map[string]string // of the domains, where somebody holds them
	users         []directory.User
}

func pick[T any](w *world, list ...T) T { return list[w.IntN(len(list))] }

// newWorld makes two organizations with profiles, domains in every state, and
// users of every kind.
func newWorld(t *testing.T, p *parts.Parts, seed uint64) *world {
	w := &world{Parts: p, Rand: rand.New(rand.NewPCG(seed, 7)), holders: map[string]string{}}
	domains := []string{"free.test"}
	for i, name := range []string{"Acme", "Globex"} {
		o := p.Organization(t, name)
		own := []*parts.Profile{o.Profile(t), o.Profile(t)}
		w.organizations, w.profiles = append(w.organizations, o), append(w.profiles, own...)
		for n := range 3 {
			d := o.Domain(t, fmt.Sprintf("d%d-%d.test", i, n))
			if w.IntN(3) > 0 {
				pick(w, own...).Enforce(t, d)
			}
			domains = append(domains, d.Name)
			w.holders[d.Name] = o.ID
			defer func() { // once its users are there
				status := pick(w, access.DomainVerified, access.DomainVerified, access.DomainLapsing, access.DomainFrozen, access.DomainPending)
				if w.Status(t, d, status); status == access.DomainPending {
					delete(w.holders, d.Name)
				}
			}()
		}
	}
	for i := range 8 {
		w.newUser(t, fmt.Sprintf("user%d@%s", i, pick(w, domains...)))
	}
	return w
}

// newUser makes a user with a password; where an organization does not take one
// at once, an independent one.
func (w *world) newUser(t *testing.T, email string) {
	o := pick(w, append(w.organizations, nil)...)
	word := parts.Password
	var u directory.User
	if o != nil {
		v, err := w.Directory.AddUser(t.Context(), parts.Operator(), o.ID, directory.NewUser{Email: email, Password: &word})
		if u = v.User; err != nil || v.Invitation != nil {
			return // which of these are possible is not the question here
		}
	} else {
		u = w.Independent(t, email)
	}
	change := directory.SSOChange{Setting: pick(w, access.SSOInherit, access.SSOInherit, access.SSOEnabled, access.SSODisabled)}
	if change.Setting == access.SSOEnabled {
		change.ProfileID = pick(w, w.profiles...).ID
	}
	w.Pass(time.Millisecond)
	if _, err := w.Directory.UpdateUser(t.Context(), parts.Operator(), u.ID, directory.UserChange{SSO: &change}); parts.Code(err) == fault.Internal {
		t.Fatal(err)
	}
	switch w.IntN(5) {
	case 0:
		w.SetStatus(t, u.ID, access.UserDeactivated)
	case 1:
		w.Exec(t, "update users set status = 'invited' where id = $1", u.ID)
	}
	w.users = append(w.users, w.User(t, u.ID))
}

// TestWhatIsExplainedIsWhatTheSignInDoes tries every way of signing in with every
// user of directories made by chance, and holds what comes of it against what
// was explained before.
func TestWhatIsExplainedIsWhatTheSignInDoes(t *testing.T) {
	tried := map[string]int{}
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		for seed := range uint64(6) {
			w := newWorld(t, p, seed)
			for _, u := range w.users {
				e, err := w.Directory.Explain(t.Context(), parts.Operator(), u.Email)
				if err != nil {
					t.Fatal(err)
				}
				if last := e.Steps[len(e.Steps)-1]; last.Reason != e.Decision.Reason || !last.Applies {
					t.Errorf("%+v", e)
				}
				got, way := w.byPassword(t, u)
				if want := passwordSays(e); got != want || got == fault.SSORequired && way != e.Decision.ProfileID {
					t.Errorf("seed %d, %+v: a password ends with %q %q, not %q", seed, e, got, way, want)
				}
				tried["password "+string(got)]++
				for _, profile := range w.profiles {
					got := w.bySSO(t, profile, u)
					if want := w.ssoSays(e, profile); got != want {
						t.Errorf("seed %d, %+v: %s ends with %q, not %q", seed, e, profile.ID, got, want)
					}
					tried["sso "+string(got)]++
				}
			}
			w.Exec(t, "delete from users")
			w.Exec(t, "delete from domains")
		}
	})
	for _, way := range []string{"password ", "password sso_required", "password user_deactivated", "password user_not_activated",
		"sso ", "sso user_not_found", "sso domain_not_verified", "sso user_deactivated", "sso sso_not_enabled_for_user", "sso sso_profile_mismatch"} {
		if tried[way] < 2 {
			t.Errorf("%q came %d times: %v", way, tried[way], tried)
		}
	}
}

// passwordSays is what has to come of a right password.
func passwordSays(e directory.Explanation) fault.Code {
	switch {
	case e.Decision.Method == access.MethodNone:
		return fault.UserDeactivated
	case e.Decision.Method == access.MethodSSO:
		return fault.SSORequired
	case e.User.Status == access.UserInvited:
		return fault.UserNotActivated
	}
	return ""
}

// ssoSays is what has to come of a good assertion of one profile's.
func (w *world) ssoSays(e directory.Explanation, profile *parts.Profile) fault.Code {
	organization := profile.Organization.ID
	switch {
	case w.holders[e.User.Domain] != organization:
		return fault.DomainNotVerified
	case e.User.OrganizationID != organization:
		return fault.UserNotFound
	case e.Decision.Method == access.MethodNone:
		return fault.UserDeactivated
	case e.Decision.Method == access.MethodPassword:
		return fault.SSONotEnabledForUser
	case e.Decision.ProfileID != profile.ID:
		return fault.SSOProfileMismatch
	}
	return ""
}

func (w *world) byPassword(t *testing.T, u directory.User) (code fault.Code, profileID string) {
	w.Pass(time.Millisecond)
	_, err := w.SignIn.Password(t.Context(), access.Actor{Address: "192.0.2.1"}, signin.PasswordAttempt{Email: u.Email, Password: parts.Password})
	if refusal, ok := errors.AsType[*signin.Refusal](err); ok {
		return refusal.Fault.Code, refusal.ProfileID
	}
	return parts.Code(err), ""
}

func (w *world) bySSO(t *testing.T, profile *parts.Profile, u directory.User) fault.Code {
	w.Pass(time.Millisecond)
	req, browser := profile.Start(t, "")
	c, err := w.Consume(t, profile.Answer(req.ID, u.Email))
	if err != nil {
		return parts.Code(err)
	}
	_, err = w.Finish(t, sso.Finish{Ticket: c.Ticket, BrowserTokens: []string{browser}})
	return parts.Code(err)
}
