package sso_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

const (
	sloURL    = "https://idp.example/slo"
	responder = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	partly    = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
)

// newLogoutScene is a scene whose Identity Provider has Single Logout, by some
// bindings; by both if none is named.
func newLogoutScene(t *testing.T, p *parts.Parts, bindings ...saml.Binding) *scene {
	t.Helper()
	s := newScene(t, p)
	s.singleLogout(t, bindings...)
	return s
}

func (s *scene) singleLogout(t *testing.T, bindings ...saml.Binding) {
	t.Helper()
	s.IdP.SLOURL = sloURL
	doc := string(s.IdP.Metadata())
	if len(bindings) == 1 {
		other := saml.HTTPPost
		if bindings[0] == other {
			other = saml.HTTPRedirect
		}
		doc = strings.Replace(doc, `<md:SingleLogoutService Binding="`+string(other), `<md:SingleLogoutService Binding="urn:none`, 1)
	}
	s.Set(t, sso.Input{MetadataXML: &doc})
}

// sp is our side, as the Identity Provider knows it.
func (s *scene) sp() saml.Config {
	urls := s.SSO.URLs(s.ID)
	return saml.Config{EntityID: urls.EntityID, ACSURL: urls.ACS, SLOURL: urls.SLO, IdP: s.IdP.Provider()}
}

// signIn signs an address in, with an index of its session, and returns the
// token.
func (s *scene) signIn(t *testing.T, email, index string) (token string) {
	t.Helper()
	s.Pass(time.Millisecond)
	req, browser := s.Start(t, "")
	c, err := s.Consume(t, s.Answer(req.ID, email, func(r *samltest.Response) {
		r.Statement().SessionIndex = index
		r.Assertion.NameID.NameQualifier, r.Assertion.NameID.SPNameQualifier = s.IdP.EntityID, "a&b"
	}))
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Finish(t, sso.Finish{Ticket: c.Ticket, BrowserTokens: []string{browser}})
	if err != nil || out.SessionToken == "" {
		t.Fatalf("%+v, %v", out, err)
	}
	return out.SessionToken
}

func (s *scene) identity(t *testing.T, token string) *signin.Identity {
	t.Helper()
	i, err := s.SignIn.Authenticate(t.Context(), token)
	if err != nil || i == nil {
		t.Fatalf("%v, %v", i, err)
	}
	return i
}

// received reads a message of ours as the Identity Provider does, which insists
// on the signature.
func (s *scene) received(t *testing.T, o sso.Outbound) *samltest.Received {
	t.Helper()
	ours := readOurSide(t, s.Parts, s.ID).Signing[0]
	if o.Post {
		if err := samltest.VerifyPosted(o.Value, ours); err != nil {
			t.Error(err)
		}
		m, err := samltest.ReadPostedLogout(o.Value)
		if err != nil {
			t.Fatal(err)
		}
		m.RelayState = o.RelayState
		return m
	}
	if err := samltest.VerifyRedirect(o.URL, ours); err != nil {
		t.Error(err)
	}
	m, err := samltest.ReadLogout(o.URL)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// bring has a message of the Identity Provider's decided on.
func (s *scene) bring(t *testing.T, l *samltest.Logout, binding saml.Binding, relayState string) (sso.LoggedOut, error) {
	t.Helper()
	s.Pass(time.Millisecond)
	in := sso.LogoutMessage{ProfileID: s.ID}
	if binding == saml.HTTPPost {
		l.Signing = &samltest.Signing{Key: s.IdP.Key}
		in.Form = l.Form(relayState)
	} else {
		in.Query = l.Query(samltest.Detached{Key: s.IdP.Key, RelayState: relayState})
	}
	return s.SSO.TakeLogout(t.Context(), access.Actor{Address: "192.0.2.1"}, in)
}

// order is the Identity Provider's order to sign an address out, each with an ID
// of its own.
func (s *scene) order(email string, indexes ...string) *samltest.Logout {
	s.Pass(time.Millisecond)
	l := s.IdP.LogoutRequest(s.sp(), s.Now())
	l.ID = fmt.Sprintf("_order%d", s.Now().UnixMilli())
	l.NameID.Value, l.SessionIndexes = email, indexes
	return l
}

// refusedLogout fails the test unless a message was refused with the code, and
// recorded so.
func (s *scene) refusedLogout(t *testing.T, what string, err error, code fault.Code) audit.Event {
	t.Helper()
	refusal, ok := err.(*signin.Refusal)
	if !ok || refusal.Fault.Code != code {
		t.Errorf("%s: %v, not a refusal with %s", what, err, code)
		return audit.Event{}
	}
	for _, e := range s.Events(t) {
		if e.Reference == refusal.Reference {
			if e.Action != audit.SignOutRefused || e.Code != string(code) || e.Outcome != audit.Refused || e.Target.ID != s.ID {
				t.Errorf("%s: recorded %+v", what, e)
			}
			return e
		}
	}
	t.Errorf("%s: %s is not recorded", what, refusal.Reference)
	return audit.Event{}
}

func TestSigningOutGoesOnToTheIdentityProvider(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newLogoutScene(t, p)
		for _, bindings := range [][]saml.Binding{nil, {saml.HTTPRedirect}, {saml.HTTPPost}} {
			s.singleLogout(t, bindings...)
			i := s.identity(t, s.signIn(t, "user@acme.test", "_index<1>"))
			o, ok, err := p.SSO.Logout(t.Context(), parts.As(s.user), i)
			if err != nil || !ok {
				t.Fatalf("%v, %v", ok, err)
			}
			if post := len(bindings) == 1 && bindings[0] == saml.HTTPPost; o.Post != post || post && (o.URL != sloURL || o.Field != "SAMLRequest") {
				t.Errorf("%v: %+v", bindings, o)
			}
			m := s.received(t, o)
			if m.Name != "LogoutRequest" || m.Issuer != s.sp().EntityID || m.Destination != sloURL || m.RelayState != "" ||
				m.NameID != (samltest.NameID{Value: "user@acme.test", Format: samltest.FormatEmail, NameQualifier: s.IdP.EntityID, SPNameQualifier: "a&b"}) ||
				fmt.Sprint(m.SessionIndexes) != "[_index<1>]" {
				t.Errorf("%+v", m)
			}
		}
	})
}

func TestWhatTheIdentityProviderMakesOfOurSignOut(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newLogoutScene(t, p)
		ask := func() string {
			t.Helper()
			o, ok, err := p.SSO.Logout(t.Context(), parts.As(s.user), s.identity(t, s.signIn(t, "user@acme.test", "_1")))
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			return s.received(t, o).ID
		}
		answer := func(requestID string, status samltest.Status, binding saml.Binding) (sso.LoggedOut, error) {
			t.Helper()
			l := s.IdP.LogoutResponse(s.sp(), requestID, p.Now())
			l.Status = status
			return s.bring(t, l, binding, "")
		}
		for _, c := range []struct {
			status  samltest.Status
			want    sso.LogoutResult
			outcome string
		}{
			{samltest.Status{Code: samltest.Success}, sso.LogoutDone, audit.Succeeded},
			{samltest.Status{Code: samltest.Success, SubCode: partly}, sso.LogoutPartial, audit.Refused},
			{samltest.Status{Code: responder, SubCode: partly}, sso.LogoutPartial, audit.Refused},
			{samltest.Status{Code: responder}, sso.LogoutFailed, audit.Refused},
			{samltest.Status{Code: strings.Repeat("ü", 2000)}, sso.LogoutFailed, audit.Refused},
			{samltest.Status{}, sso.LogoutFailed, audit.Refused},
		} {
			for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
				id := ask()
				out, err := answer(id, c.status, binding)
				if err != nil || out.Result != c.want || out.Reply != nil {
					t.Errorf("%v: %+v, %v", c.status, out, err)
				}
				e := s.Recorded(t, audit.SignOutAnswered)
				if e.Target.ID != s.user.ID || e.Target.Name != s.user.Email || e.Outcome != c.outcome || len(e.Changes) != 3 || e.Changes[1].New != string(c.want) {
					t.Errorf("%+v", e)
				}
				_, err = answer(id, c.status, binding)
				s.refusedLogout(t, "again", err, fault.SAMLRequestUnknown)
			}
		}

		// What answers no request of this profile's, or one of yesterday.
		other := newAnother(t, s)
		id := ask()
		l := other.IdP.LogoutResponse(other.sp(), id, p.Now())
		l.Status = samltest.Status{Code: samltest.Success}
		_, err := other.bring(t, l, saml.HTTPRedirect, "")
		other.refusedLogout(t, "at another profile", err, fault.SAMLRequestUnknown)
		for _, unknown := range []string{"_other", "", strings.Repeat("a", 5000)} {
			_, err = answer(unknown, samltest.Status{Code: samltest.Success}, saml.HTTPPost)
			s.refusedLogout(t, "of nobody", err, fault.SAMLRequestUnknown)
		}
		login, _ := s.Start(t, "")
		_, err = answer(login.ID, samltest.Status{Code: samltest.Success}, saml.HTTPPost)
		s.refusedLogout(t, "to a login", err, fault.SAMLRequestUnknown)
		p.Pass(30*time.Minute - 2*time.Millisecond)
		late := ask()
		if _, err = answer(id, samltest.Status{Code: samltest.Success}, saml.HTTPPost); parts.Code(err) != fault.SAMLRequestUnknown {
			t.Errorf("after half an hour: %v", err)
		}
		if _, err = answer(late, samltest.Status{Code: samltest.Success}, saml.HTTPPost); err != nil {
			t.Error(err)
		}
		p.Pass(25 * time.Hour)
		if err := p.SSO.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from sso_logouts"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// newAnother is another profile of the scene's organization.
func newAnother(t *testing.T, s *scene) *scene {
	t.Helper()
	other := &scene{Profile: s.Organization.Profile(t), user: s.user}
	other.singleLogout(t)
	return other
}

func TestWhomThereIsNobodyToAsk(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	independent := p.Independent(t, "user@home.test")
	asks := func(i *signin.Identity) bool {
		t.Helper()
		_, ok, err := p.SSO.Logout(t.Context(), parts.As(i.User), i)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if asks(s.identity(t, p.Session(t, independent, session.Start{}))) {
		t.Error("about a password")
	}
	i := s.identity(t, s.signIn(t, "user@acme.test", "_1"))
	if asks(i) {
		t.Error("at an Identity Provider without Single Logout")
	}
	s.singleLogout(t)
	if !asks(i) {
		t.Error("not asked")
	}
	// A disabled profile may have left sessions behind.
	p.Release(t, s.domain)
	s.Set(t, sso.Input{State: ptr(sso.Disabled)})
	if !asks(i) {
		t.Error("not asked with a disabled profile")
	}
	if err := p.SSO.Delete(t.Context(), operator, s.ID); err != nil {
		t.Fatal(err)
	}
	if asks(i) {
		t.Error("with a deleted profile")
	}
}

func TestTheIdentityProviderSignsOut(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newLogoutScene(t, p)
		s.User(t, "other@acme.test", access.RoleMember)
		others := s.signIn(t, "other@acme.test", "_1")
		password := p.Session(t, s.user, session.Start{})
		elsewhere := p.Session(t, s.user, session.Start{Method: access.MethodSSO, ProfileID: p.IDs.New("sso"), NameID: "user@acme.test", SessionIndex: "_1"})
		for name, c := range map[string]struct {
			order *samltest.Logout
			live  string // of the sessions with index 1, 2 and none
		}{
			"one index":        {s.order("user@acme.test", "_1"), "false true false"},
			"two":              {s.order("user@acme.test", "_2", "_1"), "false false false"},
			"with white space": {s.order("user@acme.test", "\n _2 "), "true false false"},
			"none":             {s.order("user@acme.test"), "false false false"},
			"another index":    {s.order("user@acme.test", "_3"), "true true false"},
			"another name":     {s.order("User@acme.test"), "true true true"},
			"nobody":           {s.order("nobody@acme.test", "_1"), "true true true"},
			"spaces around":    {s.order(" user@acme.test\n", "_1"), "false true false"},
		} {
			for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
				tokens := []string{s.signIn(t, "user@acme.test", "_1"), s.signIn(t, "user@acme.test", "_2"), s.signIn(t, "user@acme.test", "")}
				order := s.order(c.order.NameID.Value, c.order.SessionIndexes...)
				out, err := s.bring(t, order, binding, "state&1")
				if err != nil || out.Reply == nil || out.Result != "" {
					t.Fatalf("%s: %+v, %v", name, out, err)
				}
				if got := fmt.Sprint(p.Live(t, tokens[0]), p.Live(t, tokens[1]), p.Live(t, tokens[2])); got != c.live {
					t.Errorf("%s: live are %s, not %s", name, got, c.live)
				}
				if out.Reply.Post != (binding == saml.HTTPPost) {
					t.Errorf("%s by %s: %+v", name, binding, out.Reply)
				}
				m := s.received(t, *out.Reply)
				if m.Name != "LogoutResponse" || m.InResponseTo != order.ID || m.Status != samltest.Success || m.Destination != sloURL || m.RelayState != "state&1" || m.Issuer != s.sp().EntityID {
					t.Errorf("%s: %+v", name, m)
				}
				// The same order again ends nothing.
				again := s.signIn(t, "user@acme.test", "_1")
				_, err = s.bring(t, order, binding, "")
				if e := s.refusedLogout(t, name+" again", err, fault.SAMLLogoutInvalid); len(e.Changes) == 0 || e.Changes[0].New != "replay" {
					t.Errorf("%+v", e)
				}
				if !p.Live(t, again) {
					t.Errorf("%s: a used order ends a session", name)
				}
				p.Exec(t, "delete from sessions where sso_profile_id = $1 and name_id = 'user@acme.test'", s.ID)
			}
		}
		if !p.Live(t, others) || !p.Live(t, password) || !p.Live(t, elsewhere) {
			t.Error("sessions of others, by a password or of another profile have ended")
		}
		if e := s.Recorded(t, audit.SignedOutByIdP); e.Target.ID != s.user.ID || e.Target.Name != "user@acme.test" || e.Actor.Kind != "anonymous" || e.Actor.Address != "192.0.2.1" ||
			e.Changes[0].New != s.ID {
			t.Errorf("%+v", e)
		}
	})
}

// TestASignOutEndsWhatIsUnderWay: a sign-in that was accepted and has no session
// yet.
func TestASignOutEndsWhatIsUnderWay(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newLogoutScene(t, p)
		s.Invited(t, "new@acme.test")
		ticket := func(email string) sso.Finish {
			t.Helper()
			req, browser := s.Start(t, "")
			c, err := s.Consume(t, s.Answer(req.ID, email))
			if err != nil {
				t.Fatal(err)
			}
			s.Pass(time.Millisecond)
			return sso.Finish{Ticket: c.Ticket, BrowserTokens: []string{browser}}
		}
		first, second := ticket("user@acme.test"), ticket("new@acme.test")
		page, err := s.Finish(t, second)
		if err != nil || page.Page != signin.PageInitialPassword {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, email := range []string{"user@acme.test", "new@acme.test"} {
			for _, index := range []string{"_another", "_session1"} {
				if _, err := s.bring(t, s.order(email, index), saml.HTTPRedirect, ""); err != nil {
					t.Fatal(err)
				}
				if index == "_another" && p.Count(t, "select count(*) from sso_tickets where used_at is null")+p.Count(t, "select count(*) from arrivals where used_at is null") == 0 {
					t.Error("ended by another index")
				}
			}
		}
		_, err = s.Finish(t, first)
		s.refused(t, err, fault.SAMLReplayed)
		_, err = p.SignIn.SetInitialPassword(t.Context(), access.Actor{}, signin.Answer{PageToken: page.PageToken, BrowserTokens: []string{page.BrowserToken}}, "a good password for a test")
		parts.Refused(t, err, fault.LinkUsed)
	})
}

// TestWhereTheAnswerGoes if the Identity Provider wants it elsewhere, or
// nowhere.
func TestWhereTheAnswerGoes(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newLogoutScene(t, p)
	for name, c := range map[string]struct {
		endpoints string // of the metadata
		binding   saml.Binding
		state     string
		want      string
	}{
		"by its only binding": {`<md:SingleLogoutService Binding="` + string(saml.HTTPPost) + `" Location="https://idp.example/a"/>`, saml.HTTPRedirect, "s", "true https://idp.example/a s"},
		"elsewhere":           {`<md:SingleLogoutService Binding="` + string(saml.HTTPPost) + `" Location="https://idp.example/a" ResponseLocation="https://idp.example/b"/>`, saml.HTTPPost, "", "true https://idp.example/b "},
		"nowhere":             {"", saml.HTTPRedirect, "s", "none"},
		"a long state":        {`<md:SingleLogoutService Binding="` + string(saml.HTTPPost) + `" Location="https://idp.example/a"/>`, saml.HTTPPost, strings.Repeat("s", 2049), "true https://idp.example/a "},
		"a state at bounds":   {`<md:SingleLogoutService Binding="` + string(saml.HTTPPost) + `" Location="https://idp.example/a"/>`, saml.HTTPPost, strings.Repeat("s", 2048), "true https://idp.example/a " + strings.Repeat("s", 2048)},
	} {
		s.IdP.SLOURL = ""
		doc := strings.Replace(string(s.IdP.Metadata()), "<md:NameIDFormat>", c.endpoints+"<md:NameIDFormat>", 1)
		s.Set(t, sso.Input{MetadataXML: &doc})
		token := s.signIn(t, "user@acme.test", "_1")
		out, err := s.bring(t, s.order("user@acme.test"), c.binding, c.state)
		got := "none"
		if out.Reply != nil {
			got = fmt.Sprint(out.Reply.Post, " ", out.Reply.URL, " ", out.Reply.RelayState)
		}
		if err != nil || got != c.want || p.Live(t, token) {
			t.Errorf("%s: %s, not %s; %v", name, got, c.want, err)
		}
	}
}

// TestSessionsThatCantBeEndedAreTold: the Identity Provider goes on with other
// applications, and knows.
func TestSessionsThatCantBeEndedAreTold(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newLogoutScene(t, p)
	token := s.signIn(t, "user@acme.test", "_1")
	p.Exec(t, "alter table sso_logouts rename to away")
	order := s.order("user@acme.test")
	out, err := s.bring(t, order, saml.HTTPRedirect, "")
	if err != nil || out.Reply == nil {
		t.Fatalf("%+v, %v", out, err)
	}
	if m := s.received(t, *out.Reply); m.Status != responder || m.InResponseTo != order.ID || !p.Live(t, token) {
		t.Errorf("%+v", m)
	}
	if _, _, err := p.SSO.Logout(t.Context(), parts.As(s.user), s.identity(t, token)); err == nil {
		t.Error("a request that is not remembered goes out")
	}
	p.Exec(t, "alter table away rename to sso_logouts")
	if _, err = s.bring(t, order, saml.HTTPRedirect, ""); err != nil || p.Live(t, token) {
		t.Error("the order counts once it can be obeyed", err)
	}
}

func TestHostileSignOutsEndNothing(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newLogoutScene(t, p)
	token := s.signIn(t, "user@acme.test", "_session1")
	victim := s.User(t, samltest.Victim, access.RoleMember)
	victims := p.Session(t, victim, session.Start{Method: access.MethodSSO, ProfileID: s.ID, NameID: samltest.Victim, SessionIndex: "_session1"})
	attacks := samltest.LogoutAttacks()
	if len(attacks) < 40 {
		t.Fatalf("%d attacks", len(attacks))
	}
	for _, a := range attacks {
		p.Pass(time.Millisecond)
		query, form := a.Message(samltest.Scene{IdP: s.IdP, SP: s.sp(), RequestID: "_r", Now: p.Now()})
		_, err := p.SSO.TakeLogout(t.Context(), access.Actor{}, sso.LogoutMessage{ProfileID: s.ID, Query: query, Form: form})
		s.refusedLogout(t, a.Name, err, fault.Code(a.Code))
	}
	for name, in := range map[string]sso.LogoutMessage{
		"an empty query":    {},
		"an empty form":     {Form: url.Values{}},
		"a query of others": {Query: "return_to=%2f&x"},
		"a broken query":    {Query: "SAMLRequest=%zz;&&=&SAMLRequest"},
		"NUL":               {Query: "SAMLRequest=%00&SigAlg=%00&Signature=AAAA"},
	} {
		in.ProfileID = s.ID
		_, err := p.SSO.TakeLogout(t.Context(), access.Actor{}, in)
		s.refusedLogout(t, name, err, fault.SAMLLogoutInvalid)
	}
	_, err := p.SSO.TakeLogout(t.Context(), access.Actor{}, sso.LogoutMessage{ProfileID: s.ID, TooLarge: true})
	s.refusedLogout(t, "too large", err, fault.SAMLTooLarge)
	large := url.Values{"SAMLRequest": {strings.Repeat("A", saml.MaxMessage/3*4+8)}}
	_, err = p.SSO.TakeLogout(t.Context(), access.Actor{}, sso.LogoutMessage{ProfileID: s.ID, Form: large})
	s.refusedLogout(t, "a large message", err, fault.SAMLTooLarge)
	draft, err := create(t, s.Organization, sso.Input{Name: ptr("Draft")})
	if err != nil {
		t.Fatal(err)
	}
	for _, none := range []string{"", "sso_none", p.IDs.New("sso"), draft.ID} {
		_, err := p.SSO.TakeLogout(t.Context(), access.Actor{}, sso.LogoutMessage{ProfileID: none})
		parts.Refused(t, err, fault.NotFound)
	}
	if !p.Live(t, token) || !p.Live(t, victims) {
		t.Error("a session has ended")
	}
	if n := p.Count(t, "select count(*) from sso_logouts"); n != 0 {
		t.Errorf("%d IDs are used up", n)
	}
	// The same, good.
	if _, err := s.bring(t, s.order("user@acme.test", "_session1"), saml.HTTPPost, ""); err != nil || p.Live(t, token) {
		t.Error(err)
	}
}

// TestAnEncryptedOrder names the user only for us.
func TestAnEncryptedOrder(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newLogoutScene(t, p)
	token := s.signIn(t, "user@acme.test", "_1")
	order := s.order("user@acme.test", "_1")
	order.NameIDEncryption = &samltest.Encryption{For: []*samltest.Key{{Name: "ours", Certificate: readOurSide(t, p, s.ID).Signing[0]}}}
	if _, err := s.bring(t, order, saml.HTTPPost, ""); err != nil || p.Live(t, token) {
		t.Error(err)
	}
}

// TestADisabledProfileSignsOut: what it let in may be left.
func TestADisabledProfileSignsOut(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newLogoutScene(t, p)
	token := s.signIn(t, "user@acme.test", "_1")
	p.Release(t, s.domain)
	s.Set(t, sso.Input{State: ptr(sso.Disabled)})
	if out, err := s.bring(t, s.order("user@acme.test"), saml.HTTPRedirect, ""); err != nil || out.Reply == nil || p.Live(t, token) {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestUsedOrdersAreRememberedAsLongAsTheyHold.
func TestUsedOrdersAreRememberedAsLongAsTheyHold(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newLogoutScene(t, p)
	order := s.order("user@acme.test")
	order.NotOnOrAfter = ""
	if _, err := s.bring(t, order, saml.HTTPRedirect, ""); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		if err := p.SSO.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.bring(t, order, saml.HTTPRedirect, ""); parts.Code(err) != fault.SAMLLogoutInvalid {
			t.Fatal(err)
		}
		p.Pass(5 * time.Minute)
	}
	if n := p.Count(t, "select count(*) from sso_logouts"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
