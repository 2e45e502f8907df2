package outside

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

func TestEachOfTwoProfilesSignsInItsOwnUsersOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		second := "second-" + org.Domain
		secondID := org.AddDomain(t, second)
		a, b := org.Address("user"), "user@"+second
		org.AddUser(t, a)
		org.AddUser(t, b)
		p, q := org.NewProfile(t, nil), org.NewProfile(t, nil)
		p.Enforce(t)
		s.OK(t, "PUT", "/domains/"+secondID+"/enforcement", harness.Object{"sso_profile_id": q.ID, "acknowledge": true})

		for _, own := range []struct {
			profile, other *harness.Profile
			user           string
		}{{p, q, a}, {q, p, b}} {
			browser := s.NewBrowser(t)
			browser.SSO(t, own.profile, own.user, "").Redirected(t, "/")
			browser.SignedIn(t, own.user, "sso")
			if who := browser.Identity(t); who["sso_profile_id"] != own.profile.ID {
				t.Errorf("signed in through %v, not %s", who["sso_profile_id"], own.profile.ID)
			}
			browser = s.NewBrowser(t)
			refused := vouch(t, browser, own.other, own.user).Refused(t, 403, "sso_profile_mismatch")
			org.Recorded(t, refused)
			browser.SignedIn(t, "", "")
		}
	})
}

func TestTwoProfilesOfOneIdentityProviderAreToldApartByTheirURL(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		idp := samltest.NewIdP() // one entity ID and key for every customer
		var profiles []*harness.Profile
		var users []string
		for range 2 {
			org := harness.NewOrganization(t, s)
			users = append(users, org.Address("user"))
			org.AddUser(t, org.Address("user"))
			p := org.NewProfileWith(t, idp, nil)
			p.Enforce(t)
			profiles = append(profiles, p)
		}
		for i, p := range profiles {
			b := s.NewBrowser(t)
			b.SSO(t, p, users[i], "").Redirected(t, "/")
			b.SignedIn(t, users[i], "sso")
			// What was made for the one counts nowhere at the other.
			other := profiles[1-i]
			b = s.NewBrowser(t)
			req := b.Get(t, "/saml/"+p.ID+"/start").Request(t)
			r := p.Response(users[i], req.ID)
			a := b.PostForeign(t, other.ACSPath(), url.Values{"SAMLResponse": {r.Encode()}})
			if a.Status == http.StatusSeeOther {
				b.Get(t, a.Location).Request(t) // a restart, which believes nothing
			} else {
				a.Refused(t, 403, a.Code)
			}
			b.SignedIn(t, "", "")
			s.OK(t, "PATCH", "/sso-profiles/"+other.ID, harness.Object{"options": harness.Object{"idp_initiated": "refuse"}})
			b.PostForeign(t, other.ACSPath(), url.Values{"SAMLResponse": {r.Encode()}}).Refused(t, 403, "saml_audience_mismatch")
			s.OK(t, "PATCH", "/sso-profiles/"+other.ID, harness.Object{"options": harness.Object{"idp_initiated": "restart"}})
			// And the request is not used up by that.
			a = b.Deliver(t, p, r, req.RelayState)
			b.Get(t, a.Location).Redirected(t, "/")
			b.SignedIn(t, users[i], "sso")
		}
	})
}

// A try is one login, from its first request to its last answer.
type try struct {
	began, ended time.Time
	code         string // of the refusal; empty: signed in
}

func TestADomainMovesFromOneProfileToAnotherWithoutAGap(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		q := p.NewProfile(t, nil)
		done := make(chan struct{})
		var wg sync.WaitGroup
		logins := func(profile *harness.Profile) *[]try {
			tries := new([]try)
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					b := s.NewBrowser(t)
					one := try{began: time.Now()}
					if a := b.StartSSO(t, profile, user, ""); a.Status != http.StatusSeeOther {
						one.code = a.Code
					}
					one.ended = time.Now()
					*tries = append(*tries, one)
				}
			})
			return tries
		}
		byP, byQ := logins(p), logins(q)
		var ways []string
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				o := s.User(t, id)
				ways = append(ways, fmt.Sprint(harness.At(o, "sign_in", "method"), harness.At(o, "sign_in", "profile_id")))
			}
		})
		var moves []try
		from, to := p, q
		for range 4 {
			time.Sleep(300 * time.Millisecond) // some logins between the moves
			move := try{began: time.Now()}
			to.Enforce(t)
			move.ended = time.Now()
			moves = append(moves, move)
			from, to = to, from
		}
		time.Sleep(300 * time.Millisecond)
		close(done)
		wg.Wait()

		for _, way := range ways {
			if way != "sso"+p.ID && way != "sso"+q.ID && way != "sso "+p.ID && way != "sso "+q.ID {
				t.Fatalf("in between the user's way was %s", way)
			}
		}
		judge(t, "the first profile", *byP, moves, true)
		judge(t, "the second profile", *byQ, moves, false)
	})
}

// judge holds logins that lie wholly between two moves against whose turn it
// was: of the two profiles exactly one works.
func judge(t *testing.T, name string, tries, moves []try, turn bool) {
	t.Helper()
	judged := 0
	for _, one := range tries {
		works, whole := turn, true
		for _, move := range moves {
			switch {
			case move.ended.Before(one.began):
				works = !works
			case one.ended.Before(move.began):
			default:
				whole = false
			}
		}
		if one.code != "" && one.code != "sso_profile_mismatch" {
			t.Errorf("%s: a login was refused with %s", name, one.code)
		}
		if !whole {
			continue
		}
		judged++
		if works != (one.code == "") {
			t.Errorf("%s: its turn is %v, and a login came out as %q", name, works, one.code)
		}
	}
	if judged == 0 {
		t.Errorf("%s: no login lies between two moves", name)
	}
}

func TestAnotherOrganizationsIdentityProviderSignsInNobodyHere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		home, user, _ := harness.Enforced(t, s, nil)
		s.OK(t, "PATCH", "/users/"+home.AddUser(t, home.Address("gone")), harness.Object{"status": "deactivated"})
		home.Invite(t, home.Address("invited"))
		s.NewIndependentUser(t, home.Address("independent"))
		s.NewIndependentUser(t, "independent@free-"+home.Domain)
		evil, _, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "accept"})
		var details []string
		for _, victim := range []string{user, home.Address("unknown"), home.Address("gone"), home.Address("invited"), home.Address("independent"),
			"independent@free-" + home.Domain, "nobody@free-" + home.Domain, "a@sub." + evil.Domain, "a@x" + evil.Domain} {
			b := s.NewBrowser(t)
			a := vouch(t, b, evil, victim).Refused(t, 403, "domain_not_verified")
			event := evil.Recorded(t, a)
			if name := harness.At(event, "target", "name"); name == victim {
				t.Errorf("the log of another organization holds %v", name)
			}
			details = append(details, neutral(a, victim))
			b.SignedIn(t, "", "")
			b.Deliver(t, evil, evil.Response(victim, ""), "").Refused(t, 403, "domain_not_verified")
		}
		for i, detail := range details {
			if detail != details[0] {
				t.Errorf("the answers of the first and of number %d differ:\n%s\n%s", i, details[0], detail)
			}
		}
	})
}

func TestRefusalsAfterAValidAssertionComeInTheirOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		// Somebody whom another organization manages at a domain of ours.
		elsewhere, org := harness.NewOrganization(t, s), harness.NewOrganization(t, s)
		late := "late-" + org.Domain
		elsewhere.AddUser(t, "theirs@"+late)
		lateID := org.AddDomain(t, late)
		p := org.NewProfile(t, nil)
		other := org.NewProfile(t, nil)
		p.Enforce(t)
		s.OK(t, "PUT", "/domains/"+lateID+"/enforcement", harness.Object{"sso_profile_id": p.ID, "acknowledge": true})
		s.NewIndependentUser(t, org.Address("independent"))
		for local, changes := range map[string][]harness.Object{
			"deactivated":           {{"status": "deactivated"}},
			"deactivated-exempt":    {{"sso": harness.Object{"setting": "disabled"}}, {"status": "deactivated"}},
			"deactivated-elsewhere": {{"sso": harness.Object{"setting": "enabled", "profile_id": other.ID}}, {"status": "deactivated"}},
			"exempt":                {{"sso": harness.Object{"setting": "disabled"}}},
			"pilot":                 {{"sso": harness.Object{"setting": "enabled", "profile_id": other.ID}}},
		} {
			id := org.AddUser(t, org.Address(local))
			for _, change := range changes {
				s.OK(t, "PATCH", "/users/"+id, change)
			}
		}
		invited := org.Invite(t, org.Address("invited-exempt"))
		setSSO(t, s, invited, "disabled", "")
		for address, code := range map[string]string{
			"user@unheld-" + org.Domain:          "domain_not_verified",
			elsewhere.Address("anybody"):         "domain_not_verified",
			org.Address("unknown"):               "user_not_found",
			org.Address("independent"):           "user_not_found",
			"theirs@" + late:                     "user_not_found",
			org.Address("deactivated"):           "user_deactivated",
			org.Address("deactivated-exempt"):    "user_deactivated",
			org.Address("deactivated-elsewhere"): "user_deactivated",
			org.Address("exempt"):                "sso_not_enabled_for_user",
			org.Address("invited-exempt"):        "sso_not_enabled_for_user",
			org.Address("pilot"):                 "sso_profile_mismatch",
		} {
			b := s.NewBrowser(t)
			a := vouch(t, b, p, address)
			if a.Status != 403 || a.Code != code {
				t.Errorf("%s: %d %s, not %s", address, a.Status, a.Code, code)
				continue
			}
			org.Recorded(t, a)
			b.SignedIn(t, "", "")
		}
	})
}
