package directory_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/proof"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

// A quarrel is about acme.test: Acme holds it, enforced, and has lost its
// proof; Globex has published one.
type quarrel struct {
	acme, globex *parts.Organization
	held, claim  directory.Domain
	profile      *parts.Profile
	// owners of each, who are told.
	acmeOwner, globexOwner directory.User
}

func newQuarrel(t *testing.T, p *parts.Parts) quarrel {
	t.Helper()
	q := quarrel{acme: p.Organization(t, "Acme"), globex: p.Organization(t, "Globex")}
	q.held = q.acme.Proved(t, "acme.test")
	q.acmeOwner = q.acme.User(t, "owner@acme.test", access.RoleOwner)
	q.globexOwner = q.globex.User(t, "owner@globex.test", access.RoleOwner)
	q.profile = q.acme.Profile(t)
	q.profile.Enforce(t, q.held)
	q.claim = q.globex.Claim(t, "acme.test")
	p.Publish(t, "acme.test", q.claim.Proof().TXTValue)
	_, err := q.acme.Check(t, q.held)
	parts.Refused(t, err, fault.DomainProofMissing)
	_, err = q.globex.Check(t, q.claim)
	parts.Refused(t, err, fault.DomainVerifiedElsewhere)
	return q
}

// everybody returns the mails to both sides and the operator.
func (q quarrel) told(t *testing.T) []string {
	t.Helper()
	return told(t, q.acme.Parts, q.acmeOwner.Email, q.globexOwner.Email, parts.OperatorMail)
}

func TestAProofOfAVerifiedDomainOpensNoDispute(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		held := acme.Proved(t, "acme.test")
		claim := globex.Claim(t, "acme.test")
		p.Publish(t, "acme.test", held.Proof().TXTValue, claim.Proof().TXTValue)
		_, err := globex.Check(t, claim)
		parts.Refused(t, err, fault.DomainVerifiedElsewhere)
		if got := p.ReadDomain(t, claim.ID); !got.DisputedAt.IsZero() || got.Status != access.DomainPending || got.Check.SeenAt.IsZero() {
			t.Errorf("%+v", got)
		}
		if got := told(t, p, parts.OperatorMail); len(got) > 0 {
			t.Errorf("%v", got)
		}
		_, err = p.Directory.AwardDomain(t.Context(), operator, claim.ID, globex.ID)
		parts.Refused(t, err, fault.Conflict)
		// The holder's proof is looked for at once: it may have gone.
		if next := p.ReadDomain(t, held.ID).Check.NextAt; !next.Equal(p.Now()) {
			t.Errorf("in %v", next.Sub(p.Now()))
		}
		p.CheckDomains(t)
		if got := p.ReadDomain(t, held.ID); got.Status != access.DomainVerified || !got.Check.NextAt.After(p.Now()) {
			t.Errorf("%+v", got)
		}
	})
}

// TestADisputeOpensByItself: nobody has to ask for anything.
func TestADisputeOpensByItself(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		held, claim := acme.Proved(t, "acme.test"), globex.Claim(t, "acme.test")
		p.Publish(t, "acme.test", claim.Proof().TXTValue)
		for range 10 {
			p.Pass(time.Minute)
			p.CheckDomains(t)
		}
		if got := p.ReadDomain(t, held.ID); got.Status != access.DomainLapsing {
			t.Errorf("%+v", got)
		}
		if got := p.ReadDomain(t, claim.ID); got.DisputedAt.IsZero() || got.Status != access.DomainPending {
			t.Errorf("%+v", got)
		}
	})
}

func TestADisputeIsToldToAll(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		q := newQuarrel(t, p)
		if got := p.ReadDomain(t, q.claim.ID); !got.DisputedAt.Equal(p.Now()) || got.Status != access.DomainPending || got.Method != proof.DNS {
			t.Errorf("%+v", got)
		}
		q.acme.Recorded(t, audit.DomainDisputed)
		q.globex.Recorded(t, audit.DomainDisputed)
		operators := p.Mail(t, parts.OperatorMail)
		if operators.Subject != "Two organizations claim acme.test" || strings.Contains(operators.Text, "http") {
			t.Errorf("%s\n%s", operators.Subject, operators.Text)
		}
		for _, want := range []string{"sallyport domain award DOMAIN ORGANIZATION", "DOMAIN is " + q.claim.ID, q.acme.ID + " for Acme", q.globex.ID + " for Globex"} {
			if !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(operators.Text, "=\n", "")), " "), want) {
				t.Errorf("no %q in\n%s", want, operators.Text)
			}
		}
		if got := fmt.Sprint(q.told(t)); got != "[owner@acme.test: The proof for acme.test has disappeared owner@acme.test: Somebody else claims acme.test "+
			"owner@globex.test: acme.test is held by another organization]" {
			t.Error(got)
		}
		// Neither side is told who the other one is.
		for _, side := range []*parts.Organization{q.acme, q.globex} {
			for _, e := range side.Events(t) {
				if other := q.acme.ID + q.globex.ID; strings.Contains(other, e.Target.ID) && e.Target.ID != side.ID {
					t.Errorf("%+v", e)
				}
			}
		}
		_, err := q.globex.Check(t, q.claim)
		parts.Refused(t, err, fault.DomainVerifiedElsewhere)
		if got := q.told(t); len(got) > 0 {
			t.Errorf("told again: %v", got)
		}
	})
}

// TestADisputeEnds where the operator has nothing to decide any more.
func TestADisputeEnds(t *testing.T) {
	t.Run("the holder's proof is back", func(t *testing.T) {
		parts.Each(t, func(t *testing.T, p *parts.Parts) {
			q := newQuarrel(t, p)
			p.Publish(t, "acme.test", q.held.Proof().TXTValue, q.claim.Proof().TXTValue)
			p.CheckDomains(t) // it is looked for soon
			if p.ReadDomain(t, q.held.ID).Status != access.DomainVerified || !p.ReadDomain(t, q.claim.ID).DisputedAt.IsZero() {
				t.Errorf("%+v\n%+v", p.ReadDomain(t, q.held.ID), p.ReadDomain(t, q.claim.ID))
			}
			if e := q.globex.Recorded(t, audit.DomainDisputeEnded); e.Changes[0].New != "lost" {
				t.Errorf("%+v", e)
			}
			_, err := p.Directory.AwardDomain(t.Context(), operator, q.claim.ID, q.globex.ID)
			parts.Refused(t, err, fault.Conflict)
		})
	})
	t.Run("the other proof is gone", func(t *testing.T) {
		p := parts.New(t, "sqlite")
		q := newQuarrel(t, p)
		p.Publish(t, "acme.test")
		_, err := q.globex.Check(t, q.claim)
		parts.Refused(t, err, fault.DomainProofMissing)
		if e := q.globex.Recorded(t, audit.DomainDisputeEnded); e.Changes[0].New != "withdrawn" || !p.ReadDomain(t, q.claim.ID).DisputedAt.IsZero() {
			t.Errorf("%+v", e)
		}
	})
	t.Run("the holder gives it up", func(t *testing.T) {
		p := parts.New(t, "sqlite")
		q := newQuarrel(t, p)
		p.Release(t, q.held)
		if err := p.Directory.DeleteDomain(t.Context(), operator, q.held.ID); err != nil {
			t.Fatal(err)
		}
		p.Pass(time.Second)
		p.CheckDomains(t)
		if got := p.ReadDomain(t, q.claim.ID); got.Status != access.DomainVerified || !got.DisputedAt.IsZero() {
			t.Errorf("%+v", got)
		}
	})
	t.Run("the holder's time is over", func(t *testing.T) {
		p := parts.New(t, "sqlite")
		q := newQuarrel(t, p)
		p.Release(t, q.held)
		for range 31 {
			p.Pass(day)
			p.CheckDomains(t)
		}
		p.CheckDomains(t)
		if got := p.ReadDomain(t, q.claim.ID); got.Status != access.DomainVerified || p.ReadDomain(t, q.held.ID).Status != access.DomainPending {
			t.Errorf("%+v", got)
		}
	})
	t.Run("the operator vouches for the holder", func(t *testing.T) {
		p := parts.New(t, "sqlite")
		q := newQuarrel(t, p)
		if _, err := p.Directory.VouchForDomain(t.Context(), operator, q.held.ID); err != nil {
			t.Fatal(err)
		}
		if got := p.ReadDomain(t, q.claim.ID); !got.DisputedAt.IsZero() {
			t.Errorf("%+v", got)
		}
	})
}

// TestAFrozenDomainCanBeDisputed for as long as it is frozen.
func TestAFrozenDomainCanBeDisputed(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	held := acme.Proved(t, "acme.test")
	acme.Profile(t).Enforce(t, held)
	p.Publish(t, "acme.test")
	for range 32 {
		p.Pass(day)
		p.CheckDomains(t)
	}
	if p.ReadDomain(t, held.ID).Status != access.DomainFrozen {
		t.Fatal(p.ReadDomain(t, held.ID).Status)
	}
	claim := globex.Claim(t, "acme.test")
	p.Publish(t, "acme.test", claim.Proof().TXTValue)
	_, err := globex.Check(t, claim)
	parts.Refused(t, err, fault.DomainVerifiedElsewhere)
	if p.ReadDomain(t, claim.ID).DisputedAt.IsZero() {
		t.Error("there is no dispute")
	}
}

// TestTheClaimantWins: it has the domain, and nobody of the loser's is left
// there.
func TestTheClaimantWins(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		q := newQuarrel(t, p)
		user, elsewhere := q.acme.User(t, "user@acme.test", access.RoleMember), q.acme.User(t, "user@nobody.test", access.RoleMember)
		early := p.Independent(t, "early@acme.test") // with a password from before
		p.Exec(t, "update domains set status = 'verified' where id = $1", q.held.ID)
		q.acme.Add(t, directory.NewUser{Email: "early@acme.test"})
		invited := q.acme.Invited(t, "invited@acme.test")
		p.Status(t, q.held, access.DomainLapsing)
		asked := q.acme.Add(t, directory.NewUser{Email: "asked@acme.test"}).Invitation
		askedElsewhere := q.acme.Add(t, directory.NewUser{Email: "asked@notacme.test"}).Invitation
		p.SetSSO(t, user.ID, access.SSOEnabled, q.profile.ID)
		independent := p.Independent(t, "independent@acme.test")
		account, err := p.Directory.CreateAccount(t.Context(), operator, q.acme.ID, "Account")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Directory.SetMember(t.Context(), operator, account.ID, user.ID, []string{"viewer"}); err != nil {
			t.Fatal(err)
		}
		token := p.Session(t, user, session.Start{})
		kept := p.Session(t, elsewhere, session.Start{})
		q.told(t)

		p.Pass(time.Second)
		got, err := p.Directory.AwardDomain(t.Context(), operator, q.claim.ID, q.globex.ID)
		if err != nil || got.ID != q.claim.ID || got.Status != access.DomainVerified || got.Method != proof.DNS || !got.DisputedAt.IsZero() {
			t.Fatalf("%+v, %v", got, err)
		}
		q.globex.Recorded(t, audit.DomainAwarded)
		q.acme.Recorded(t, audit.DomainLost)
		q.acme.Recorded(t, audit.DomainReleased)
		if lost := p.ReadDomain(t, q.held.ID); lost.Status != access.DomainPending || lost.ProfileID != "" || !lost.EvictBefore.IsZero() {
			t.Errorf("%+v", lost)
		}
		for _, u := range []directory.User{user, early, q.acmeOwner} {
			is := p.User(t, u.ID)
			if is.OrganizationID != "" || is.Role != "" || is.SSO != access.SSOInherit || is.ProfileID != "" || is.HasPassword() || is.Status != access.UserActive {
				t.Errorf("%+v", is)
			}
		}
		p.View(t, func(tx *db.Tx) error {
			if _, err := p.Directory.UserByID(tx, invited.ID); parts.Code(err) != fault.NotFound {
				t.Errorf("the invited user: %v", err)
			}
			if _, _, err := p.Directory.Memberships(tx, user.ID); err != nil {
				t.Error(err)
			}
			return nil
		})
		if n := p.Count(t, "select count(*) from account_members"); n != 0 {
			t.Errorf("%d memberships", n)
		}
		if p.Live(t, token) || !p.Live(t, kept) {
			t.Errorf("sessions: at the domain %v, elsewhere %v", p.Live(t, token), p.Live(t, kept))
		}
		if is := p.User(t, elsewhere.ID); is != elsewhere {
			t.Errorf("%+v", is)
		}
		if is := p.User(t, independent.ID); is != independent {
			t.Errorf("%+v", is)
		}
		_, err = p.Directory.User(t.Context(), operator, asked.ID)
		parts.Refused(t, err, fault.NotFound)
		if _, err = p.Directory.User(t.Context(), operator, askedElsewhere.ID); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprint(q.told(t)); got != "[owner@acme.test: acme.test was awarded to another organization owner@globex.test: acme.test is yours]" {
			t.Error(got)
		}
		// The winner can take them in.
		if v, err := p.Directory.AddUser(t.Context(), operator, q.globex.ID, directory.NewUser{Email: user.Email}); err != nil || v.User.OrganizationID != q.globex.ID {
			t.Errorf("%+v, %v", v, err)
		}
		p.CheckDomains(t)
		if is := p.User(t, user.ID); is.OrganizationID != q.globex.ID {
			t.Errorf("removed again: %+v", is)
		}
		if got := p.ReadDomain(t, q.claim.ID); got.Status != access.DomainVerified || !got.Check.NextAt.After(p.Now()) {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheHolderWins(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		q := newQuarrel(t, p)
		way := p.Way(t, q.acmeOwner.ID)
		theirs := q.globex.User(t, "globex@globex.test", access.RoleMember)
		got, err := p.Directory.AwardDomain(t.Context(), operator, q.claim.ID, q.acme.ID)
		if err != nil || got.ID != q.claim.ID || got.Status != access.DomainPending || !got.DisputedAt.IsZero() {
			t.Fatalf("%+v, %v", got, err)
		}
		held := p.ReadDomain(t, q.held.ID)
		if held.Status != access.DomainVerified || !held.Vouched() || held.ProfileID != q.profile.ID || !held.Check.NextAt.IsZero() {
			t.Errorf("%+v", held)
		}
		if p.Way(t, q.acmeOwner.ID) != way || p.User(t, theirs.ID) != theirs {
			t.Error("somebody's way has changed")
		}
		_, err = q.globex.Check(t, q.claim)
		parts.Refused(t, err, fault.DomainVerifiedElsewhere)
		if !p.ReadDomain(t, q.claim.ID).DisputedAt.IsZero() {
			t.Error("there is another dispute")
		}
	})
}

func TestWhoDecides(t *testing.T) {
	p := parts.New(t, "sqlite")
	q := newQuarrel(t, p)
	stranger := p.Organization(t, "Initech")
	stranger.Claim(t, "acme.test")
	for _, actor := range []access.Actor{q.globex.Actor(access.RoleOwner), q.acme.Token(access.ScopeAdmin), stranger.Actor(access.RoleOwner)} {
		_, err := p.Directory.AwardDomain(t.Context(), actor, q.claim.ID, q.globex.ID)
		parts.Refused(t, err, fault.Forbidden)
	}
	for _, organizationID := range []string{"", "org_none", stranger.ID} {
		_, err := p.Directory.AwardDomain(t.Context(), operator, q.claim.ID, organizationID)
		if parts.Refused(t, err, fault.CodeInvalid); fmt.Sprint(parts.Fields(err)) != "[organization_id]" {
			t.Errorf("%v", err)
		}
	}
	_, err := p.Directory.AwardDomain(t.Context(), operator, "dom_none", q.globex.ID)
	parts.Refused(t, err, fault.NotFound)
	if p.ReadDomain(t, q.held.ID).Status != access.DomainLapsing {
		t.Error("something was decided")
	}
	// Any claim names the domain.
	if got, err := p.Directory.AwardDomain(t.Context(), operator, q.held.ID, q.globex.ID); err != nil || got.ID != q.held.ID || got.Status != access.DomainPending {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestManyUsersAreRemovedInSteps, and by whoever comes next if the first one
// does not get to the end.
func TestManyUsersAreRemovedInSteps(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		q := newQuarrel(t, p)
		p.Exec(t, `insert into users (id, email, email_key, email_domain, name, organization_id, role, status, sso_setting, password_hash, managed_at, activated_at, created_at)
			with recursive n (i) as (select 1 union all select i + 1 from n where i < 1500)
			select 'usr_many' || i, 'u' || i || '@acme.test', 'u' || i || '@acme.test', 'acme.test', '', $1, 'member', 'active', 'inherit', 'x', $2, $2, $2 from n`,
			q.acme.ID, p.Now())
		p.Exec(t, "update domains set evict_before = $2 where id = $1", q.held.ID, p.Now()) // as if an award had got so far
		parts.Refused(t, p.Directory.DeleteDomain(t.Context(), operator, q.held.ID), fault.DomainInUse)
		for _, err := range together(2, func(int) error { return p.Directory.CheckDomains(t.Context()) }) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := p.Count(t, "select count(*) from users where organization_id = $1 and email_domain = 'acme.test'", q.acme.ID); n != 0 {
			t.Errorf("%d are left", n)
		}
		if n := p.Count(t, "select count(*) from users where email_domain = 'acme.test' and organization_id is null and password_hash = ''"); n != 1501 {
			t.Errorf("%d were removed", n)
		}
		if !p.ReadDomain(t, q.held.ID).EvictBefore.IsZero() {
			t.Error("it is not over")
		}
	})
}
