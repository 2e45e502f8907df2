package idps

import (
	"encoding/base64"
	"testing"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

func TestEveryProductSignsInHoweverItSigns(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		c := connect(t, s, p, nil)
		for _, m := range p.manners {
			t.Run(m.name, func(t *testing.T) {
				c.answersIn(t, m)
				b := s.NewBrowser(t)
				f := c.ask(t, b, c.Login)
				f.signed(t, m)
				c.arrive(t, b, f, "/account/security")
			})
		}
	})
}

func TestTheTileOfEveryProductSignsInByARestart(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		c := connect(t, s, p, nil)
		for _, m := range p.manners {
			t.Run(m.name, func(t *testing.T) {
				c.answersIn(t, m)
				b, client := s.NewBrowser(t), c.idp.Client(t)
				unsolicited := c.answer(t, client, c.idp.IdPInitiatedURL(c.EntityID, ""), c.Login)
				again := c.restarts(t, b, unsolicited)
				c.arrive(t, b, c.answer(t, client, again, c.Login), "/")
			})
		}
	})
}

func TestTheTileOfEveryProductSignsInAtOnceWhereThatIsAccepted(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		c := connect(t, s, p, harness.Object{"idp_initiated": "accept"})
		for _, m := range p.manners {
			t.Run(m.name, func(t *testing.T) {
				c.answersIn(t, m)
				f := c.tile(t, "")
				f.signed(t, m)
				c.arrive(t, s.NewBrowser(t), f, "/")
			})
		}
	})
}

func TestTheTileOfEveryProductIsRefusedWhereTheProfileSaysSo(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		c := p.answers(t, s, harness.Object{"idp_initiated": "refuse"}, signsBoth)
		c.refused(t, s.NewBrowser(t), c.tile(t, ""), "saml_idp_initiated_refused")
	})
}

func TestAnAnswerOfEveryProductCountsOnceAndForOneProfile(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		accept := harness.Object{"idp_initiated": "accept"}
		c, other := p.answers(t, s, accept, signsBoth), connect(t, s, p, accept)
		f := c.tile(t, "")
		c.arrive(t, s.NewBrowser(t), f, "/")
		c.refused(t, s.NewBrowser(t), f, "saml_replayed")
		other.refused(t, s.NewBrowser(t), c.tile(t, ""), "saml_audience_mismatch")
	})
}

func TestAnAnswerOfEveryProductThatWasChangedIsRefused(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		c := connect(t, s, p, harness.Object{"idp_initiated": "accept"})
		c.AddUser(t, c.Address("boss"))
		for _, m := range p.manners {
			t.Run(m.name, func(t *testing.T) {
				c.answersIn(t, m)
				c.refused(t, s.NewBrowser(t), c.tile(t, "").changed(t, c.Email, c.Address("boss")), "saml_signature_invalid")
			})
		}
	})
}

func TestAnotherKeyThanThatOfTheProductIsRefused(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		c := p.answers(t, s, harness.Object{"idp_initiated": "accept"}, signsBoth)
		other := base64.StdEncoding.EncodeToString(samltest.NamedKey(samltest.RSA2048Other).Certificate.Raw)
		c.OK(t, "PATCH", "/sso-profiles/"+c.ProfileID, harness.Object{"certificates": []string{other}})
		c.refused(t, s.NewBrowser(t), c.tile(t, ""), "saml_certificate_unknown")
	})
}

func TestTheTileOfSimpleSAMLphpLeadsWhereItsRelayStateSays(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := simpleSAMLphp.answers(t, s, nil, signsBoth)
		b, client := s.NewBrowser(t), c.idp.Client(t)
		again := c.restarts(t, b, c.answer(t, client, c.idp.IdPInitiatedURL(c.EntityID, "/account/security"), c.Login))
		c.arrive(t, b, c.answer(t, client, again, login{}), "/account/security")
	})
}
