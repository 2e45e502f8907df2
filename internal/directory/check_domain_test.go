package directory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/proof"
	"sallyport/internal/testenv"
	"sallyport/internal/testenv/parts"
)

const day = 24 * time.Hour

// told returns the subjects of the mails that were written to addresses since
// the last call.
func told(t *testing.T, p *parts.Parts, addresses ...string) (list []string) {
	t.Helper()
	for _, a := range addresses {
		for _, m := range p.Mails(t, a) {
			list = append(list, a+": "+m.Subject)
		}
	}
	return list
}

func TestCheckNow(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Claim(t, "acme.test")
		p.Publish(t, "acme.test", "sallyport-verification=of_another_claim", "something else")
		_, err := acme.Check(t, d)
		if f := parts.Refused(t, err, fault.DomainProofMissing); !strings.Contains(f.Detail, "Neither") {
			t.Errorf("%v", f)
		}
		shown := p.ReadDomain(t, d.ID)
		if shown.Status != access.DomainPending || len(shown.Check.Findings.Sightings) != 2 || !shown.Check.Findings.At.Equal(p.Now()) || !shown.Check.SeenAt.IsZero() {
			t.Errorf("%+v", shown)
		}
		for i, s := range shown.Check.Findings.Sightings {
			if s.Resolver != p.DNS(t)[i].Address || s.TXT != proof.Other || s.Others != 1 || fmt.Sprint(s.Values) != "[sallyport-verification=of_another_claim]" {
				t.Errorf("%+v", s)
			}
		}

		before := len(acme.Events(t))
		p.Publish(t, "acme.test", d.Proof().TXTValue)
		got, err := acme.Check(t, d)
		if err != nil || got.Status != access.DomainVerified || got.Method != proof.DNS || !got.VerifiedAt.Equal(p.Now()) || !got.StatusAt.Equal(p.Now()) ||
			!got.Check.SeenAt.Equal(p.Now()) || !got.Check.NextAt.Equal(p.Now().Add(day)) {
			t.Errorf("%+v, %v", got, err)
		}
		if e := acme.Recorded(t, audit.DomainVerified); e.Changes[0].New != "verified" || e.Changes[1].New != "dns" || e.Actor.Name != "administrator" {
			t.Errorf("%+v", e)
		}
		if again, err := acme.Check(t, d); err != nil || again.Status != access.DomainVerified || len(acme.Events(t)) != before+1 {
			t.Errorf("again: %+v, %v", again, err)
		}
	})
}

func TestOneResolverIsNotEnough(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	d := acme.Claim(t, "acme.test")
	p.DNS(t)[0].TXT(proof.TXTName("acme.test"), d.Proof().TXTValue)
	_, err := acme.Check(t, d)
	if f := parts.Refused(t, err, fault.DomainProofMissing); !strings.Contains(f.Detail, "Not all resolvers") {
		t.Errorf("%v", f)
	}
	if got := p.ReadDomain(t, d.ID); got.Check.Findings.Sightings[0].TXT != proof.Found || got.Check.Findings.Sightings[1].TXT != proof.None {
		t.Errorf("%+v", got.Check)
	}
}

// TestATokenIsOneClaims: another organization's proves nothing, nor one from an
// earlier claim.
func TestATokenIsOneClaims(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	first, theirs := acme.Claim(t, "acme.test"), globex.Claim(t, "acme.test")
	p.Publish(t, "acme.test", first.Proof().TXTValue)
	_, err := globex.Check(t, theirs)
	parts.Refused(t, err, fault.DomainProofMissing)
	if err := p.Directory.DeleteDomain(t.Context(), operator, first.ID); err != nil {
		t.Fatal(err)
	}
	_, err = acme.Check(t, acme.Claim(t, "acme.test"))
	parts.Refused(t, err, fault.DomainProofMissing)
}

func TestCheckNowAtMostOnceASecond(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d, other := acme.Claim(t, "acme.test"), acme.Claim(t, "other.test")
		p.Publish(t, "acme.test", d.Proof().TXTValue)
		admin := acme.Actor(access.RoleAdministrator)
		errs := together(8, func(int) error {
			_, err := p.Directory.CheckDomain(t.Context(), admin, d.ID)
			return err
		})
		if got := tally(errs); got[""] != 1 || got[fault.RateLimited] != 7 {
			t.Error(got)
		}
		_, err := p.Directory.CheckDomain(t.Context(), admin, d.ID)
		if f := parts.Refused(t, err, fault.RateLimited); f.RetryAfter != time.Second {
			t.Errorf("%+v", f)
		}
		if asked := len(p.DNS(t)[0].Asked()); asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		_, err = p.Directory.CheckDomain(t.Context(), admin, other.ID)
		parts.Refused(t, err, fault.DomainProofMissing)
		p.Pass(time.Second)
		if _, err := p.Directory.CheckDomain(t.Context(), admin, d.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoMayCheck(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	d := acme.Claim(t, "acme.test")
	for name, c := range map[string]struct {
		actor access.Actor
		want  fault.Code
	}{
		"nobody":                 {access.Actor{}, fault.Unauthenticated},
		"a member":               {acme.Actor(access.RoleMember), fault.Forbidden},
		"a token that reads":     {acme.Token(access.ScopeRead), fault.Forbidden},
		"another organization's": {globex.Actor(access.RoleOwner), fault.NotFound},
		"an administrator":       {acme.Actor(access.RoleAdministrator), fault.DomainProofMissing},
		"a token":                {acme.Token(access.ScopeAdmin), fault.DomainProofMissing},
		"the operator":           {operator, fault.DomainProofMissing},
	} {
		p.Pass(time.Second)
		if _, err := p.Directory.CheckDomain(t.Context(), c.actor, d.ID); parts.Code(err) != c.want {
			t.Errorf("%s: %v, not %q", name, err, c.want)
		}
	}
	_, err := p.Directory.CheckDomain(t.Context(), operator, "dom_none")
	parts.Refused(t, err, fault.NotFound)
}

// TestABackgroundCheckVerifies: nobody has to press a button.
func TestABackgroundCheckVerifies(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Claim(t, "acme.test")
		p.Publish(t, "acme.test", d.Proof().TXTValue)
		p.CheckDomains(t)
		if asked := p.DNS(t)[0].Asked(); len(asked) > 0 {
			t.Errorf("at once: %v", asked)
		}
		p.Pass(time.Minute)
		p.CheckDomains(t)
		if got := p.ReadDomain(t, d.ID); got.Status != access.DomainVerified {
			t.Errorf("%+v", got)
		}
		if e := acme.Recorded(t, audit.DomainVerified); e.Actor.Kind != "system" {
			t.Errorf("%+v", e.Actor)
		}
	})
}

func TestPausesForAClaimGrowAndEnd(t *testing.T) {
	p := parts.New(t, "sqlite")
	d := p.Organization(t, "Acme").Claim(t, "acme.test")
	p.Publish(t, "acme.test")
	looks, last := 0, time.Duration(0)
	for {
		next := p.ReadDomain(t, d.ID).Check.NextAt
		if next.IsZero() {
			break
		}
		pause := next.Sub(p.Now())
		if pause < last || pause > 12*time.Hour {
			t.Fatalf("%v after %v", pause, last)
		}
		last = pause
		p.Pass(pause)
		p.CheckDomains(t)
		looks++
	}
	if looks < 40 || looks > 120 || last != 12*time.Hour {
		t.Errorf("%d looks, the last one %v after the one before", looks, last)
	}
	p.Pass(100 * day)
	before := len(p.DNS(t)[0].Asked())
	if p.CheckDomains(t); len(p.DNS(t)[0].Asked()) != before {
		t.Error("it is still looked for")
	}
}

// TestALostProof is the whole way down and back.
func TestALostProof(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Proved(t, "acme.test")
		acme.User(t, "owner@acme.test", access.RoleOwner)
		acme.User(t, "second@acme.test", access.RoleOwner)
		acme.User(t, "administrator@acme.test", access.RoleAdministrator)
		user, profile := acme.User(t, "user@acme.test", access.RoleMember), acme.Profile(t)
		profile.Enforce(t, d)
		way := p.Way(t, user.ID)

		p.Publish(t, "acme.test")
		p.Pass(day - time.Minute)
		p.CheckDomains(t)
		if got := p.ReadDomain(t, d.ID); got.Status != access.DomainVerified {
			t.Fatalf("before a day is over: %s", got.Status)
		}
		owners := []string{"owner@acme.test", "second@acme.test"}
		everybody := append([]string{"administrator@acme.test", "user@acme.test", parts.OperatorMail}, owners...)
		p.Pass(time.Minute)
		p.CheckDomains(t)
		got := p.ReadDomain(t, d.ID)
		if got.Status != access.DomainLapsing || !got.StatusAt.Equal(p.Now()) || !got.LapsesAt().Equal(p.Now().Add(30*day)) || got.ProfileID != profile.ID {
			t.Fatalf("%+v", got)
		}
		acme.Recorded(t, audit.DomainLapsed)
		mails := append(p.Mails(t, owners[0]), p.Mails(t, owners[1])...)
		if len(mails) != 2 || len(told(t, p, everybody...)) != 0 {
			t.Fatalf("%v", mails)
		}
		for _, m := range mails {
			until := p.Now().Add(30 * day).Format("2006-01-02 15:04")
			if m.Subject != "The proof for acme.test has disappeared" || !strings.Contains(strings.Join(strings.Fields(m.Text), " "), until) || !strings.Contains(m.HTML, parts.BaseURL+"/admin/"+acme.ID+"/domains/"+d.ID) {
				t.Errorf("%s\n%s", m.Subject, m.Text)
			}
		}

		pass := func(days int) {
			for range days {
				p.Pass(day)
				p.CheckDomains(t)
			}
		}
		if pass(22); len(told(t, p, everybody...)) != 0 {
			t.Error("too soon to be told again")
		}
		if pass(1); len(told(t, p, everybody...)) != 2 {
			t.Error("nobody is told again")
		}
		if pass(6); p.ReadDomain(t, d.ID).Status != access.DomainLapsing || len(told(t, p, everybody...)) != 0 {
			t.Errorf("after 29 days: %s", p.ReadDomain(t, d.ID).Status)
		}
		if pass(1); p.ReadDomain(t, d.ID).Status != access.DomainFrozen {
			t.Fatalf("after 30 days: %s", p.ReadDomain(t, d.ID).Status)
		}
		acme.Recorded(t, audit.DomainFrozen)
		if got := fmt.Sprint(told(t, p, everybody...)); got != "[owner@acme.test: acme.test is frozen second@acme.test: acme.test is frozen]" {
			t.Error(got)
		}
		if p.Way(t, user.ID) != way || way.Reason != access.ReasonDomainEnforced {
			t.Errorf("the way was %v, is %v", way, p.Way(t, user.ID))
		}
		if pass(100); p.ReadDomain(t, d.ID).Status != access.DomainFrozen || len(told(t, p, everybody...)) != 0 {
			t.Error("it does not stay frozen")
		}

		p.Publish(t, "acme.test", d.Proof().TXTValue)
		if pass(1); p.ReadDomain(t, d.ID).Status != access.DomainVerified {
			t.Errorf("with the proof back: %s", p.ReadDomain(t, d.ID).Status)
		}
	})
}

func TestALostProofOfADomainThatNobodyUses(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Proved(t, "acme.test")
		owner := acme.User(t, "owner@acme.test", access.RoleOwner)
		p.Publish(t, "acme.test")
		p.Pass(day)
		p.CheckDomains(t)
		p.Pass(30*day - time.Minute)
		p.CheckDomains(t)
		if got := p.ReadDomain(t, d.ID); got.Status != access.DomainLapsing {
			t.Fatal(got.Status)
		}
		p.Pass(time.Hour)
		p.CheckDomains(t)
		got := p.ReadDomain(t, d.ID)
		if got.Status != access.DomainPending || got.Method != "" || got.Check.NextAt.IsZero() {
			t.Fatalf("%+v", got)
		}
		acme.Recorded(t, audit.DomainExpired)
		if got := told(t, p, owner.Email); len(got) != 2 || got[1] != "owner@acme.test: acme.test is no longer verified" {
			t.Errorf("%v", got)
		}
		if p.User(t, owner.ID).OrganizationID != acme.ID {
			t.Error("the users are gone")
		}
		p.Publish(t, "acme.test", d.Proof().TXTValue)
		p.Pass(time.Hour)
		if p.CheckDomains(t); p.ReadDomain(t, d.ID).Status != access.DomainVerified {
			t.Error("the proof is back")
		}
	})
}

// TestAPilotFreezesADomain, until nobody needs it any more.
func TestAPilotFreezesADomain(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Proved(t, "acme.test")
		pilot := acme.User(t, "pilot@acme.test", access.RoleMember)
		p.SetSSO(t, pilot.ID, access.SSOEnabled, acme.Profile(t).ID)
		p.Publish(t, "acme.test")
		p.Pass(day)
		p.CheckDomains(t)
		p.Pass(30 * day)
		if p.CheckDomains(t); p.ReadDomain(t, d.ID).Status != access.DomainFrozen {
			t.Fatal(p.ReadDomain(t, d.ID).Status)
		}
		p.SetSSO(t, pilot.ID, access.SSODisabled, "")
		p.Pass(day)
		if p.CheckDomains(t); p.ReadDomain(t, d.ID).Status != access.DomainPending {
			t.Error(p.ReadDomain(t, d.ID).Status)
		}
	})
}

// TestResolversThatFailChangeNothing: our own way out may be what is broken.
func TestResolversThatFailChangeNothing(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Proved(t, "acme.test")
		broken := func(dns *testenv.DNS) { dns.Refuse(proof.TXTName("acme.test"), dnsmessage.RCodeServerFailure) }
		broken(p.DNS(t)[0])
		broken(p.DNS(t)[1])
		for range 6 {
			p.Pass(day)
			if p.CheckDomains(t); p.ReadDomain(t, d.ID).Status != access.DomainVerified {
				t.Fatal(p.ReadDomain(t, d.ID).Status)
			}
		}
		_, err := acme.Check(t, d)
		if f := parts.Refused(t, err, fault.DomainProofMissing); !strings.Contains(f.Detail, "stays verified") {
			t.Errorf("%v", f)
		}
		if next := p.ReadDomain(t, d.ID).Check.NextAt; !next.Equal(p.Now().Add(time.Hour)) {
			t.Errorf("the next look is in %v", next.Sub(p.Now()))
		}
		p.Pass(day) // now it is a week
		if p.CheckDomains(t); p.ReadDomain(t, d.ID).Status != access.DomainLapsing {
			t.Error(p.ReadDomain(t, d.ID).Status)
		}
	})
}

func TestCheckNowFindsTheProofGone(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	d := acme.Proved(t, "acme.test")
	owner := acme.User(t, "owner@acme.test", access.RoleOwner)
	p.Publish(t, "acme.test")
	_, err := acme.Check(t, d)
	if f := parts.Refused(t, err, fault.DomainProofMissing); !strings.Contains(f.Detail, "lapsing") {
		t.Errorf("%v", f)
	}
	if got := p.ReadDomain(t, d.ID); got.Status != access.DomainLapsing || len(told(t, p, owner.Email)) != 1 {
		t.Errorf("%+v", got)
	}
	_, err = acme.Check(t, d)
	parts.Refused(t, err, fault.DomainProofMissing)
	if got := told(t, p, owner.Email); len(got) > 0 {
		t.Errorf("told twice: %v", got)
	}
	p.Publish(t, "acme.test", d.Proof().TXTValue)
	if got, err := acme.Check(t, d); err != nil || got.Status != access.DomainVerified {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheOperatorsWordNeedsNoProof(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		p.Publish(t, "acme.test")
		p.Pass(100 * day)
		p.CheckDomains(t)
		if asked := p.DNS(t)[0].Asked(); len(asked) > 0 || p.ReadDomain(t, d.ID).Status != access.DomainVerified {
			t.Errorf("%v", asked)
		}
		_, err := acme.Check(t, d)
		if f := parts.Refused(t, err, fault.DomainProofMissing); !strings.Contains(f.Detail, "operator's word") {
			t.Errorf("%v", f)
		}
		if got := p.ReadDomain(t, d.ID); got.Status != access.DomainVerified || !got.Vouched() || !got.Check.NextAt.IsZero() {
			t.Errorf("%+v", got)
		}
		// A proof that comes and goes does not weaken the word.
		p.Publish(t, "acme.test", d.Proof().TXTValue)
		if got, err := acme.Check(t, d); err != nil || !got.Vouched() {
			t.Errorf("%+v, %v", got, err)
		}
		// The word strengthens what was proved.
		other := acme.Proved(t, "other.test")
		if got, err := p.Directory.VouchForDomain(t.Context(), operator, other.ID); err != nil || !got.Vouched() || !got.Check.NextAt.IsZero() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

// TestADomainVerifiedBeforeThereWereProofs stays so.
func TestADomainVerifiedBeforeThereWereProofs(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	d := acme.Domain(t, "acme.test")
	p.Exec(t, "update domains set proof_method = '', status_at = null where id = $1", d.ID)
	p.Exec(t, "delete from domain_checks")
	_, err := acme.Check(t, d)
	parts.Refused(t, err, fault.DomainProofMissing)
	if got := p.ReadDomain(t, d.ID); got.Status != access.DomainVerified || !got.Vouched() || got.StatusAt.IsZero() {
		t.Errorf("%+v", got)
	}
}

// TestNodesShareTheWork: each domain that is due is looked for once.
func TestNodesShareTheWork(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		for i := range 90 {
			d := acme.Claim(t, fmt.Sprintf("acme%d.test", i))
			p.Publish(t, d.Name, d.Proof().TXTValue)
		}
		p.Pass(time.Minute)
		for _, err := range together(3, func(int) error { return p.Directory.CheckDomains(t.Context()) }) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := p.Count(t, "select count(*) from domains where status = 'verified'"); n != 90 {
			t.Errorf("%d are verified", n)
		}
		asked := p.DNS(t)[0].Asked()
		if slices.Sort(asked); len(asked) != 90 || len(slices.Compact(asked)) != 90 {
			t.Errorf("asked %d times", len(asked))
		}
	})
}

// TestANodeThatDies leaves what it took to others.
func TestANodeThatDies(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Claim(t, "acme.test")
		p.Publish(t, "acme.test", d.Proof().TXTValue)
		p.Pass(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		p.DNS(t)[0].Hijack(func([]byte, bool) [][]byte { cancel(); return nil })
		if err := p.Directory.CheckDomains(ctx); err == nil {
			t.Error("no error")
		}
		p.DNS(t)[0].Hijack(nil)
		if p.CheckDomains(t); p.ReadDomain(t, d.ID).Status != access.DomainPending {
			t.Error("it was taken away from the other node at once")
		}
		p.Pass(5 * time.Minute)
		if p.CheckDomains(t); p.ReadDomain(t, d.ID).Status != access.DomainVerified {
			t.Error("nobody goes on")
		}
	})
}

// TestOldFindingsChangeNothing: what a slow search saw arrives after what a
// later one did.
func TestOldFindingsChangeNothing(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Claim(t, "acme.test")
		p.Publish(t, "acme.test")
		p.Pass(time.Second)
		asked, release := p.DNS(t)[0].Hold()
		slow := make(chan error)
		go func() {
			_, err := p.Directory.CheckDomain(t.Context(), operator, d.ID)
			slow <- err
		}()
		<-asked
		p.Publish(t, "acme.test", d.Proof().TXTValue)
		if got, err := acme.Check(t, d); err != nil || got.Status != access.DomainVerified {
			t.Fatalf("%+v, %v", got, err)
		}
		release()
		if err := <-slow; err != nil {
			t.Errorf("the slow one: %v", err)
		}
		if got := p.ReadDomain(t, d.ID); got.Status != access.DomainVerified || got.Check.Findings.Sightings[0].TXT != proof.Found {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheListShowsChecks(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Proved(t, "proved.test")
		acme.Claim(t, "new.test")
		list, err := p.Directory.Domains(t.Context(), operator, acme.ID, directory.Page{Limit: 10})
		if err != nil || len(list) != 2 || list[0].Check.NextAt.IsZero() || len(list[0].Check.Findings.Sightings) != 0 ||
			len(list[1].Check.Findings.Sightings) != 2 || !list[1].Check.SeenAt.Equal(p.Now().Add(-time.Millisecond)) {
			t.Errorf("%+v, %v", list, err)
		}
	})
}
