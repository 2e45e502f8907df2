package outside

import (
	"net/http"
	"sync"
	"testing"

	"sallyport/test/harness"
)

// atOnce runs something so often at the same time, and returns the answers.
func atOnce(n int, do func(i int) harness.Answer) []harness.Answer {
	answers := make([]harness.Answer, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			answers[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return answers
}

// onlyOne fails unless one answer is a redirect and the others are refused as
// replays, and returns it.
func onlyOne(t *testing.T, answers []harness.Answer) harness.Answer {
	t.Helper()
	var one []harness.Answer
	for _, a := range answers {
		switch {
		case a.Status == http.StatusSeeOther:
			one = append(one, a)
		case a.Status != http.StatusForbidden || a.Code != "saml_replayed":
			t.Errorf("an answer is %d %s", a.Status, a.Code)
		}
	}
	if len(one) != 1 {
		t.Fatalf("%d of %d were accepted", len(one), len(answers))
	}
	return one[0]
}

const many = 30

// nodes returns the servers of an installation: with PostgreSQL two.
func nodes(t *testing.T, s *harness.Server) []*harness.Server {
	t.Helper()
	if s.Engine == "sqlite" {
		return []*harness.Server{s}
	}
	return []*harness.Server{s, harness.Start(t, harness.Options{Like: s})}
}

func TestManyParallelSignInsOfOneAssertionMakeOneSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		nodes := nodes(t, s)
		for _, mode := range []string{"restart", "accept"} {
			p, user, id := harness.Enforced(t, s, harness.Object{"idp_initiated": mode})
			b := s.NewBrowser(t)
			request, relayState := "", ""
			if mode == "restart" {
				req := b.Depart(t, user, "")
				request, relayState = req.ID, req.RelayState
			}
			encoded := p.Response(user, request).Encode()
			a := onlyOne(t, atOnce(many, func(i int) harness.Answer {
				return b.On(nodes[i%len(nodes)]).DeliverEncoded(t, p, encoded, relayState)
			}))
			b.On(nodes[len(nodes)-1]).Get(t, a.Location).Redirected(t, "/")
			b.SignedIn(t, user, "sso")
			if n := len(s.Sessions(t, id)); n != 1 {
				t.Errorf("%s: %d sessions, not 1", mode, n)
			}
			if n := s.Count(t, "select count(*) from sso_tickets where user_id = $1", id); n != 1 {
				t.Errorf("%s: %d tickets, not 1", mode, n)
			}
		}
	})
}

func TestManyParallelFinishesOfOneTicketMakeOneSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		nodes := nodes(t, s)
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		to := vouch(t, b, p, user).Location
		copies := make([]*harness.Browser, many)
		for i := range copies {
			copies[i] = b.On(nodes[i%len(nodes)]).Clone(t) // none sees the cookie that another one is given
		}
		a := onlyOne(t, atOnce(many, func(i int) harness.Answer { return copies[i].Get(t, to) }))
		a.Redirected(t, "/")
		if n := len(s.Sessions(t, id)); n != 1 {
			t.Errorf("%d sessions, not 1", n)
		}
		signedIn := 0
		for _, one := range copies {
			if one.Identity(t) != nil {
				signedIn++
			}
		}
		if signedIn != 1 {
			t.Errorf("%d of %d browsers are signed in", signedIn, many)
		}
	})
}

func TestManyParallelAnswersToOneInitialPasswordPageSetOnePassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		user := p.Address("new")
		id := p.Invite(t, user)
		b := s.NewBrowser(t)
		page := arrive(t, b, p, user, "").Field(t, "page")
		const few = 8 // each costs a hash
		copies := make([]*harness.Browser, few)
		for i := range copies {
			copies[i] = b.Clone(t)
		}
		in := 0
		for _, a := range atOnce(few, func(i int) harness.Answer { return setInitial(t, copies[i], page, newPassword) }) {
			switch {
			case a.Status == http.StatusSeeOther:
				in++
			case a.Status != http.StatusGone || a.Code != "link_used":
				t.Errorf("an answer is %d %s", a.Status, a.Code)
			}
		}
		if n := len(s.Sessions(t, id)); in != 1 || n != 1 {
			t.Errorf("%d were let in, %d sessions, not 1", in, n)
		}
	})
}

func TestManyParallelSignInsOfManyUsersAllWork(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		nodes := nodes(t, s)
		p, user, id := harness.Enforced(t, s, nil)
		browsers := make([]*harness.Browser, many)
		for i := range browsers {
			browsers[i] = s.NewBrowser(t).On(nodes[i%len(nodes)])
		}
		for _, a := range atOnce(many, func(i int) harness.Answer { return browsers[i].SSO(t, p, user, "") }) {
			if a.Status != http.StatusSeeOther || a.Location != "/" {
				t.Errorf("a sign-in came out as %d %s", a.Status, a.Code)
			}
		}
		if n := len(s.Sessions(t, id)); n != many {
			t.Errorf("%d sessions, not %d", n, many)
		}
	})
}
