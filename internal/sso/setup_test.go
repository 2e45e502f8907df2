package sso_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// A delegate is a profile whose setup link an administrator has made.
type delegate struct {
	*scene
	maker directory.User
	link  sso.NewSetupLink
	key   sso.SetupKey
}

func delegated(t *testing.T, p *parts.Parts, s *scene) *delegate {
	t.Helper()
	d := &delegate{scene: s, maker: s.User(t, "maker@acme.test", access.RoleAdministrator)}
	d.link, d.key = d.another(t)
	return d
}

func (d *delegate) actor() access.Actor {
	return access.Actor{Kind: access.KindUser, ID: d.maker.ID, Name: d.maker.Email, OrganizationID: d.Organization.ID, Role: access.RoleAdministrator, Fresh: true}
}

func (d *delegate) another(t *testing.T) (sso.NewSetupLink, sso.SetupKey) {
	t.Helper()
	d.Pass(time.Millisecond)
	l, err := d.SSO.CreateSetupLink(t.Context(), d.actor(), d.Profile.ID)
	if err != nil {
		t.Fatal(err)
	}
	token, ok := strings.CutPrefix(l.URL, parts.BaseURL+"/setup/")
	if !ok || !l.ExpiresAt.Equal(d.Now().Add(72*time.Hour)) {
		t.Fatalf("%+v", l)
	}
	return l, sso.SetupKey{Token: token}
}

// from is where the holder is.
var from = access.Actor{Address: "192.0.2.77"}

// claim makes the link a browser's.
func (d *delegate) claim(t *testing.T) {
	t.Helper()
	d.Pass(time.Millisecond)
	linkID, token, err := d.SSO.ClaimSetup(t.Context(), from, d.key)
	if err != nil || linkID != d.link.ID || token == "" {
		t.Fatalf("%s %q, %v", linkID, token, err)
	}
	d.key.BrowserTokens = []string{"another", token}
}

// enter enters the Identity Provider's metadata.
func (d *delegate) enter(t *testing.T, idp *samltest.IdP) {
	t.Helper()
	d.Pass(time.Millisecond)
	doc, product := string(idp.Metadata()), "okta"
	if err := d.SSO.EnterSetup(t.Context(), from, d.key, sso.Input{IdP: &product, MetadataXML: &doc}); err != nil {
		t.Fatal(err)
	}
	d.Pass(time.Millisecond)
}

// other is another Identity Provider than the one that a profile knows.
func other() *samltest.IdP {
	idp := samltest.NewIdP()
	idp.EntityID, idp.SSOURL, idp.Key = "https://other.example/metadata", "https://other.example/sso", samltest.NamedKey(samltest.RSA2048Other)
	return idp
}

// draftProfile is a profile without an Identity Provider.
func draftProfile(t *testing.T, p *parts.Parts) *scene {
	t.Helper()
	acme := p.Organization(t, "Acme")
	name := "Login"
	v, err := p.SSO.Create(t.Context(), parts.Operator(), acme.ID, sso.Input{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	return &scene{domain: acme.Domain(t, "acme.test"), user: acme.User(t, "user@acme.test", access.RoleMember),
		Profile: &parts.Profile{Organization: acme, ID: v.ID, IdP: samltest.NewIdP()}}
}

func TestASetupLinkFromNothingToATestedProfile(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		// Looking claims nothing.
		for range 3 {
			if v, err := p.SSO.Setup(t.Context(), d.key); err != nil || v.Link.Claimed() || v.Organization != "Acme" {
				t.Fatalf("%+v, %v", v, err)
			}
		}
		d.claim(t)
		stranger := sso.SetupKey{Token: d.key.Token, BrowserTokens: []string{"another"}}
		_, err := p.SSO.Setup(t.Context(), stranger)
		parts.Refused(t, err, fault.LinkUsed)
		parts.Refused(t, p.SSO.EnterSetup(t.Context(), from, stranger, sso.Input{}), fault.LinkUsed)
		_, err = p.SSO.TestSetup(t.Context(), from, stranger)
		parts.Refused(t, err, fault.LinkUsed)
		_, err = p.SSO.TestSetup(t.Context(), from, d.key)
		parts.Refused(t, err, fault.Conflict) // nothing was entered yet

		d.enter(t, d.IdP)
		v, err := p.SSO.Setup(t.Context(), d.key)
		if err != nil || v.Entered.EntityID != d.IdP.EntityID || v.IdP != "okta" || !v.Testable {
			t.Fatalf("%+v, %v", v, err)
		}
		if live, err := p.SSO.Profile(t.Context(), parts.Operator(), d.Profile.ID); err != nil || live.State != sso.Draft || live.Profile.EntityID != "" {
			t.Errorf("%+v, %v", live, err)
		}
		test, err := p.SSO.TestSetup(t.Context(), from, d.key)
		if err != nil || !test.Draft {
			t.Fatalf("%+v, %v", test, err)
		}
		req, browser := p.Open(t, test)
		out, err := p.Consume(t, d.Answer(req.ID, "nobody@acme.test"))
		if err != nil {
			t.Fatal(err)
		}
		// Neither page tells whether there is such a user.
		result, err := p.SSO.FinishTest(t.Context(), access.Actor{}, out.Ticket, []string{browser})
		if err != nil || result.Status != sso.TestPassed {
			t.Fatalf("%+v, %v", result, err)
		}
		again, err := p.SSO.SetupTest(t.Context(), d.key, test.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []sso.TestView{result, again} {
			if c := check(t, r, sso.CheckUser); c.Status != saml.NotReached || c.Found != "" || c.Note != "" || r.UserID != "" {
				t.Errorf("%+v", c)
			}
		}
		if c := check(t, p.Found(t, test.ID), sso.CheckUser); c.Status != saml.Warning || c.Code != fault.UserNotFound {
			t.Errorf("%+v", c)
		}
		draft, err := p.SSO.Draft(t.Context(), parts.Operator(), d.Profile.ID)
		if err != nil || !draft.Tested() || draft.Proposed.State != sso.Tested || draft.Current.State != sso.Draft || len(draft.Changes) < 3 {
			t.Fatalf("%+v, %v", draft, err)
		}
		applied, err := p.SSO.ApplyDraft(t.Context(), d.actor(), d.Profile.ID, sso.Application{Version: draft.Version})
		if err != nil || applied.State != sso.Tested || applied.IdP != "okta" || len(applied.Certificates) != 1 {
			t.Fatalf("%+v, %v", applied, err)
		}
		_, err = p.SSO.Draft(t.Context(), parts.Operator(), d.Profile.ID)
		parts.Refused(t, err, fault.NotFound)
		d.Enforce(t, d.domain)
		if _, err := d.Login(t, "user@acme.test"); err != nil {
			t.Error(err)
		}
	})
}

func TestEveryUseIsMailedAndRecorded(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		d.claim(t)
		d.enter(t, d.IdP)
		if _, err := p.SSO.TestSetup(t.Context(), from, d.key); err != nil {
			t.Fatal(err)
		}
		mails := p.Mails(t, d.maker.Email)
		if len(mails) != 3 {
			t.Fatalf("%d mails", len(mails))
		}
		for i, m := range mails {
			if m.To != d.maker.Email || !strings.Contains(m.Text, "192.0.2.77") || !strings.Contains(m.Text, "Login") {
				t.Errorf("%d: %+v", i, m)
			}
		}
		var actions []string
		for _, e := range d.Events(t)[:4] {
			if e.Actor.Kind == "setup_link" && (e.Actor.ID != d.link.ID || e.Actor.Address != "192.0.2.77" || e.Actor.Name != "setup link of maker@acme.test") {
				t.Errorf("%+v", e)
			}
			actions = append(actions, string(e.Action))
		}
		want := []audit.Action{audit.ProfileTestStarted, audit.DraftEntered, audit.SetupLinkClaimed, audit.SetupLinkCreated}
		for i := range want {
			if actions[i] != string(want[i]) {
				t.Errorf("%v", actions)
			}
		}
		// One that the operator made is told to the operator.
		l, err := p.SSO.CreateSetupLink(t.Context(), parts.Operator(), d.Profile.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.SSO.ClaimSetup(t.Context(), from, sso.SetupKey{Token: strings.TrimPrefix(l.URL, parts.BaseURL+"/setup/")}); err != nil {
			t.Fatal(err)
		}
		if mails := p.Mails(t, parts.OperatorMail); len(mails) != 1 {
			t.Errorf("%+v", mails)
		}
	})
}

func TestHowASetupLinkEnds(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		open := func(k sso.SetupKey) error {
			_, err := p.SSO.Setup(t.Context(), k)
			return err
		}
		parts.Refused(t, open(sso.SetupKey{Token: "nothing"}), fault.LinkExpired)
		d.claim(t)
		d.enter(t, d.IdP)
		test, err := p.SSO.TestSetup(t.Context(), from, d.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.SSO.RevokeSetupLink(t.Context(), d.actor(), d.link.ID); err != nil {
			t.Fatal(err)
		}
		parts.Refused(t, open(d.key), fault.LinkExpired)
		parts.Refused(t, p.SSO.EnterSetup(t.Context(), from, d.key, sso.Input{}), fault.LinkExpired)
		_, err = p.SSO.StartTest(t.Context(), strings.TrimPrefix(test.StartURL, parts.BaseURL+"/test/"))
		parts.Refused(t, err, fault.LinkExpired)
		if _, err := p.SSO.Draft(t.Context(), parts.Operator(), d.Profile.ID); err != nil {
			t.Errorf("what was entered is gone: %v", err)
		}
		if err := p.SSO.DiscardDraft(t.Context(), d.actor(), d.Profile.ID); err != nil {
			t.Fatal(err)
		}

		_, late := d.another(t)
		d.Pass(72*time.Hour - time.Millisecond)
		if err := open(late); err != nil {
			t.Error(err)
		}
		d.Pass(time.Millisecond)
		parts.Refused(t, open(late), fault.LinkExpired)

		// Without the edition, and back.
		_, k := d.another(t)
		edition := func(e directory.Edition) {
			if _, err := p.Directory.UpdateOrganization(t.Context(), parts.Operator(), d.Organization.ID, directory.OrganizationChange{Edition: &e}); err != nil {
				t.Fatal(err)
			}
		}
		edition(directory.Standard)
		parts.Refused(t, open(k), fault.EditionRequired)
		edition(directory.Enterprise)
		if err := open(k); err != nil {
			t.Error(err)
		}
		// Its maker no longer administers.
		member := access.RoleMember
		if _, err := p.Directory.UpdateUser(t.Context(), parts.Operator(), d.maker.ID, directory.UserChange{Role: &member}); err != nil {
			t.Fatal(err)
		}
		parts.Refused(t, open(k), fault.LinkExpired)
	})
}

func TestADraftForAnEnforcedProfileWaits(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, newScene(t, p))
		d.claim(t)
		d.enter(t, other())
		if _, err := d.Login(t, "user@acme.test"); err != nil {
			t.Fatalf("the draft counts already: %v", err)
		}
		// The draft's test is judged by the draft.
		test, err := p.SSO.TestSetup(t.Context(), from, d.key)
		if err != nil {
			t.Fatal(err)
		}
		req, _ := p.Open(t, test)
		if req.Destination != "https://other.example/sso" {
			t.Errorf("%+v", req)
		}
		if _, err := p.Consume(t, d.Answer(req.ID, "user@acme.test")); err != nil { // from the old one
			t.Fatal(err)
		}
		if v := p.Found(t, test.ID); v.Code != fault.SAMLCertificateUnknown {
			t.Errorf("%+v", v)
		}
		seen, err := p.SSO.Draft(t.Context(), d.actor(), d.Profile.ID)
		if err != nil || seen.Tested() || seen.Current.State != sso.Enforced {
			t.Fatalf("%+v, %v", seen, err)
		}
		d.enter(t, other()) // meanwhile
		_, err = p.SSO.ApplyDraft(t.Context(), d.actor(), d.Profile.ID, sso.Application{Version: seen.Version})
		parts.Refused(t, err, fault.Conflict)
		d.Pass(time.Millisecond)
		v, err := p.SSO.ApplyDraft(t.Context(), d.actor(), d.Profile.ID, sso.Application{})
		if err != nil || v.State != sso.Enforced || v.Warnings[len(v.Warnings)-1].Code != "enforced_not_tested" || v.Profile.EntityID != "https://other.example/metadata" {
			t.Fatalf("%+v, %v", v, err)
		}
		if e := d.Events(t)[0]; e.Action != audit.DraftApplied || len(e.Changes) < 4 {
			t.Errorf("%+v", e)
		}
		d.IdP = other()
		if _, err := d.Login(t, "user@acme.test"); err != nil {
			t.Error(err)
		}
	})
}

func TestTheHolderEntersNothingElse(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, newScene(t, p))
		d.claim(t)
		doc, name, managed, off, yes := string(other().Metadata()), "Mine", sso.ManagedByOperator, sso.Disabled, true
		if err := p.SSO.EnterSetup(t.Context(), from, d.key, sso.Input{MetadataXML: &doc, Name: &name, ManagedBy: &managed, State: &off,
			Options: &sso.OptionsInput{AllowSHA1: &yes}}); err != nil {
			t.Fatal(err)
		}
		v, err := p.SSO.ApplyDraft(t.Context(), d.actor(), d.Profile.ID, sso.Application{})
		if err != nil || v.Name != "Login" || v.ManagedBy != sso.ManagedByOrganization || v.Disabled || v.Options.AllowSHA1 {
			t.Errorf("%+v, %v", v, err)
		}
		holder := access.Actor{Kind: access.KindSetupLink, ID: d.link.ID, OrganizationID: d.Organization.ID}
		_, err = p.SSO.Profile(t.Context(), holder, d.Profile.ID)
		parts.Refused(t, err, fault.Forbidden)
		bad := "<html></html>"
		parts.Refused(t, p.SSO.EnterSetup(t.Context(), from, d.key, sso.Input{MetadataXML: &bad}), fault.MetadataInvalid)
	})
}

func TestWhoMakesSetupLinks(t *testing.T) {
	p := parts.New(t, "sqlite")
	d := delegated(t, p, draftProfile(t, p))
	globex := p.Organization(t, "Globex")
	for want, actor := range map[fault.Code]access.Actor{
		fault.NotFound:        {Kind: access.KindUser, OrganizationID: globex.ID, Role: access.RoleOwner, Fresh: true},
		fault.Forbidden:       {Kind: access.KindUser, OrganizationID: d.Organization.ID, Role: access.RoleMember, Fresh: true},
		fault.Unauthenticated: {},
	} {
		_, err := p.SSO.CreateSetupLink(t.Context(), actor, d.Profile.ID)
		parts.Refused(t, err, want)
		parts.Refused(t, p.SSO.RevokeSetupLink(t.Context(), actor, d.link.ID), want)
		_, err = p.SSO.NewTest(t.Context(), actor, d.Profile.ID, false)
		parts.Refused(t, err, want)
	}
	managed := sso.ManagedByOperator
	d.Set(t, sso.Input{ManagedBy: &managed})
	_, err := p.SSO.CreateSetupLink(t.Context(), d.actor(), d.Profile.ID)
	parts.Refused(t, err, fault.Forbidden)
	for i := range 25 {
		_, err := p.SSO.CreateSetupLink(t.Context(), parts.Operator(), d.Profile.ID)
		if (err != nil) != (i >= 19) {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if got := p.Count(t, "select count(*) from sso_setup_links where token_hash = $1", []byte(d.key.Token)); got != 0 {
		t.Error("the token itself stands there")
	}
}

// TestOneBrowserIsFirst of several that post at once.
func TestOneBrowserIsFirst(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		results := make(chan error)
		for range 8 {
			go func() {
				_, _, err := p.SSO.ClaimSetup(t.Context(), from, d.key)
				results <- err
			}()
		}
		won := 0
		for range 8 {
			if err := <-results; err == nil {
				won++
			} else if parts.Code(err) != fault.LinkUsed {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d browsers own the link", won)
		}
	})
}

func TestASetupLinkIsNotUsedWithoutEnd(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		d := delegated(t, p, draftProfile(t, p))
		d.claim(t)
		d.enter(t, d.IdP)
		p.Exec(t, "update sso_setup_links set uses = 300 where id = $1", d.link.ID)
		okta := "okta"
		parts.Refused(t, p.SSO.EnterSetup(t.Context(), from, d.key, sso.Input{IdP: &okta}), fault.RateLimited)
		_, err := p.SSO.TestSetup(t.Context(), from, d.key)
		parts.Refused(t, err, fault.RateLimited)
		if _, err := p.SSO.Setup(t.Context(), d.key); err != nil {
			t.Error(err)
		}
		// With the profile goes all that hangs on it.
		if err := p.SSO.Delete(t.Context(), parts.Operator(), d.Profile.ID); err != nil {
			t.Fatal(err)
		}
		_, err = p.SSO.Setup(t.Context(), d.key)
		parts.Refused(t, err, fault.LinkExpired)
	})
}
