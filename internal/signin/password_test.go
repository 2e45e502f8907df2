package signin_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/password"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/testenv/parts"
)

var visitor = access.Actor{Address: "192.0.2.1", Agent: "Browser"}

func try(t *testing.T, p *parts.Parts, email, word string) (signin.Outcome, error) {
	t.Helper()
	return p.SignIn.Password(t.Context(), visitor, signin.PasswordAttempt{Email: email, Password: word, ReturnTo: "/account/security"})
}

func TestWhoGetsInWithAPassword(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		p.Unproved(t, "unproved@free.test")
		for email, want := range map[string]fault.Code{
			"managed@free.test": "", "exempt@free.test": "", "independent@free.test": "", "exempt@enforced.test": "", "independent@enforced.test": "",
			" MANAGED@free.test ":   "",
			"managed@enforced.test": fault.SSORequired, "pilot@free.test": fault.SSORequired, "pilot@enforced.test": fault.SSORequired,
			"gone@free.test": fault.UserDeactivated, "gone@enforced.test": fault.UserDeactivated,
			"unproved@free.test": fault.UserNotActivated,
			"invited@free.test":  fault.CredentialsInvalid, "invited@enforced.test": fault.CredentialsInvalid, // no password yet
			"unknown@free.test": fault.CredentialsInvalid, "unknown@enforced.test": fault.CredentialsInvalid, "nonsense": fault.CredentialsInvalid,
		} {
			out, err := try(t, p, email, parts.Password)
			if got := parts.Code(err); got != want {
				t.Errorf("%s: %v, not %q", email, err, want)
				continue
			}
			if in := want == ""; in != (out.SessionToken != "") || in && (!p.Live(t, out.SessionToken) || out.ReturnTo != "/account/security") {
				t.Errorf("%s: %+v", email, out)
			}
			var refusal *signin.Refusal
			if want != "" && (!errors.As(err, &refusal) || refusal.Reference == "") {
				t.Errorf("%s: %v is no recorded refusal", email, err)
			}
			if want == fault.SSORequired {
				way := h.profile.ID
				if strings.HasPrefix(email, "pilot") {
					way = h.pilots.ID
				}
				if refusal.ProfileID != way {
					t.Errorf("%s is shown the way %q", email, refusal.ProfileID)
				}
			}
		}
	})
}

// TestAWrongPasswordReadsTheSameForEverybody compares all that a visitor is
// told.
func TestAWrongPasswordReadsTheSameForEverybody(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		addresses := []string{"unknown@free.test", "unknown@enforced.test", "nonsense", ""}
		for email := range h.people {
			addresses = append(addresses, email)
		}
		for _, word := range []string{"wrong", "", parts.Password + " ", strings.Repeat("x", 10_000)} {
			for _, email := range addresses {
				out, err := try(t, p, email, word)
				var refusal *signin.Refusal
				if !errors.As(err, &refusal) {
					t.Fatalf("%s: %v", email, err)
				}
				refusal.Reference = ""
				want := &signin.Refusal{Fault: fault.New(fault.CredentialsInvalid, "Check both, or reset your password.").AtSignIn()}
				if !reflect.DeepEqual(refusal, want) || out != (signin.Outcome{}) {
					t.Errorf("%s: %+v %+v", email, refusal, out)
				}
			}
		}
	})
}

func TestEverySignInIsRecordedAndCounted(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		u := h.people["managed@free.test"]
		for i, c := range []struct {
			email, word string
			outcome     string
			code        fault.Code
		}{
			{u.Email, parts.Password, audit.Succeeded, ""},
			{u.Email, "wrong", audit.Refused, fault.CredentialsInvalid},
			{"managed@enforced.test", parts.Password, audit.Refused, fault.SSORequired},
			{"gone@free.test", parts.Password, audit.Refused, fault.UserDeactivated},
		} {
			p.Pass(1e9)
			_, err := try(t, p, c.email, c.word)
			e := h.SignIns(t)[0]
			if len(h.SignIns(t)) != i+1 || e.Outcome != c.outcome || e.Code != string(c.code) || e.Target.Name != c.email || e.Target.ID == "" {
				t.Errorf("%s: %+v", c.email, e)
			}
			if e.Actor.Kind != "anonymous" || e.Actor.Address != "192.0.2.1" || e.Actor.Agent != "Browser" || e.Reference == "" {
				t.Errorf("%s: %+v", c.email, e)
			}
			var refusal *signin.Refusal
			if errors.As(err, &refusal) && refusal.Reference != e.Reference {
				t.Errorf("told %s, recorded %s", refusal.Reference, e.Reference)
			}
		}
		want := []string{"password succeeded ", "password refused credentials_invalid", "password refused sso_required", "password refused user_deactivated"}
		if got := p.Observed(); !reflect.DeepEqual(got, want) {
			t.Errorf("counted %q", got)
		}
	})
}

// TestWhatWasTypedAndIsUnknownIsKeptAsAHash: people type passwords into the
// field for the address.
func TestWhatWasTypedAndIsUnknownIsKeptAsAHash(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		h := newHouse(t, p)
		globex := p.Organization(t, "Globex")
		globex.Domain(t, "globex.test")
		claim := globex.Claim(t, "claimed.test")
		logged := func() (names []string) {
			p.Flush(t)
			p.View(t, func(tx *db.Tx) (err error) {
				names, err = db.Collect(tx, func(row db.Scanner) (s string, err error) {
					var organization string
					err = row.Scan(&s, &organization)
					return organization + " " + s, err
				}, "select target_name, coalesce(organization_id, '') from audit_events where action = 'sign_in.refused' order by id")
				return err
			})
			return names
		}
		for _, c := range []struct{ typed, organization, shown string }{
			{"my secret passphrase", "", ""},
			{"hunter2@nobody.test", "", ""},
			{"hunter2@" + claim.Name, "", ""},
			{"Unknown@Free.test", h.ID, "Unknown@Free.test"},
			{"unknown@globex.test", globex.ID, "unknown@globex.test"},
			{" unknown@globex.test\n", globex.ID, "unknown@globex.test"},
		} {
			p.Pass(1e9)
			try(t, p, c.typed, "wrong")
			names := logged()
			last := names[len(names)-1]
			want := c.organization + " " + c.shown
			if c.shown == "" {
				want = " hash:"
			}
			if c.shown == "" && (!strings.HasPrefix(last, want) || len(last) != len(want)+32 || strings.Contains(last, "@")) || c.shown != "" && last != want {
				t.Errorf("%q is logged as %q", c.typed, last)
			}
		}
		p.Pass(1e9)
		try(t, p, "my secret passphrase", "wrong")
		if names := logged(); names[len(names)-1] != names[0] {
			t.Error("the same text has two hashes: it can't be found again")
		}
	})
}

func TestAnOldHashIsReplacedAtTheSignIn(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		old, err := password.NewHasher(password.Params{Memory: 32, Time: 1, Threads: 1}, 1).Hash(t.Context(), parts.Password)
		if err != nil {
			t.Fatal(err)
		}
		p.Exec(t, "update users set password_hash = $2 where id = $1", u.ID, old)
		if _, err := try(t, p, u.Email, "wrong"); err == nil || p.User(t, u.ID).PasswordHash != old {
			t.Error("a wrong password replaced it")
		}
		if _, err := try(t, p, u.Email, parts.Password); err != nil {
			t.Fatal(err)
		}
		now := p.User(t, u.ID)
		if now.PasswordHash == old || !now.PasswordSetAt.Equal(u.PasswordSetAt) {
			t.Errorf("%+v", now)
		}
		if _, err := try(t, p, u.Email, parts.Password); err != nil || p.User(t, u.ID).PasswordHash != now.PasswordHash {
			t.Errorf("again: %v", err)
		}
	})
}

// changing is somebody signed in who is about to change the password.
func changing(t *testing.T, p *parts.Parts, email string) (*signin.Identity, string) {
	t.Helper()
	out, err := try(t, p, email, parts.Password)
	if err != nil {
		t.Fatal(err)
	}
	i, err := p.SignIn.Authenticate(t.Context(), out.SessionToken)
	if err != nil || i == nil {
		t.Fatalf("%v, %v", i, err)
	}
	return i, out.SessionToken
}

func TestAPasswordIsChangedAndOtherSessionsEnd(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme Rockets")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		other := p.Session(t, u, session.Start{})
		who, here := changing(t, p, u.Email)
		next := "another quiet harbour"
		change := func(old, new string) error {
			return p.SignIn.ChangePassword(t.Context(), who.Actor("", ""), signin.PasswordChange{Identity: who, Old: old, New: new})
		}
		parts.Refused(t, change("wrong", next), fault.CredentialsInvalid)
		if fields := parts.Fields(change("", next)); fmt.Sprint(fields) != "[current_password]" {
			t.Error(fields)
		}
		for _, weak := range []string{"short", "acme rockets 1", "user@acme.test", "password1234"} {
			parts.Refused(t, change(parts.Password, weak), fault.PasswordWeak)
		}
		if got := p.User(t, u.ID); got != u || !p.Live(t, other) {
			t.Errorf("%+v\n was %+v", got, u)
		}
		p.Pass(1e9)
		if err := change(parts.Password, next); err != nil {
			t.Fatal(err)
		}
		if p.Live(t, other) || !p.Live(t, here) {
			t.Error("the wrong sessions live")
		}
		if now := p.User(t, u.ID); !now.PasswordSetAt.Equal(p.Now()) {
			t.Errorf("%+v", now)
		}
		acme.Recorded(t, audit.UserPasswordChanged)
		if e := acme.Recorded(t, audit.PasswordRefusedChange); e.Code != "credentials_invalid" || e.Reference == "" {
			t.Errorf("%+v", e)
		}
		parts.Refused(t, change(parts.Password, next), fault.CredentialsInvalid)
		if _, err := try(t, p, u.Email, next); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoUsesSSOHasNoPasswordToChange(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		who, _ := changing(t, p, u.Email) // before the enforcement
		profile := acme.Profile(t)
		profile.Enforce(t, d)
		err := p.SignIn.ChangePassword(t.Context(), who.Actor("", ""), signin.PasswordChange{Identity: who, Old: parts.Password, New: "another quiet harbour"})
		parts.Refused(t, err, fault.SSORequired)
		var refusal *signin.Refusal
		if !errors.As(err, &refusal) || refusal.ProfileID != profile.ID {
			t.Errorf("%+v", refusal)
		}
		if e := acme.Recorded(t, audit.PasswordRefusedChange); e.Code != "sso_required" || e.Target.ID != u.ID {
			t.Errorf("%+v", e)
		}
		p.SetStatus(t, u.ID, access.UserDeactivated)
		err = p.SignIn.ChangePassword(t.Context(), who.Actor("", ""), signin.PasswordChange{Identity: who, Old: parts.Password, New: "another quiet harbour"})
		parts.Refused(t, err, fault.UserDeactivated)
		if got := p.User(t, u.ID); got.PasswordHash != u.PasswordHash {
			t.Error("the password has changed")
		}
	})
}

func TestOfTwoChangesAtOnceOneHolds(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		who, _ := changing(t, p, u.Email)
		done := make(chan error)
		for i := range 6 {
			go func() {
				done <- p.SignIn.ChangePassword(t.Context(), who.Actor("", ""),
					signin.PasswordChange{Identity: who, Old: parts.Password, New: fmt.Sprint("another quiet harbour ", i), KeepSessions: true})
			}()
		}
		changed := 0
		for range 6 {
			switch err := <-done; parts.Code(err) {
			case "":
				changed++
			case fault.Conflict, fault.CredentialsInvalid:
			default:
				t.Error(err)
			}
		}
		if changed != 1 {
			t.Errorf("changed %d times from the same password", changed)
		}
	})
}
