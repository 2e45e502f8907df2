package outside

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// recorded reads the record of an attempt; false where there is none.
func recorded(t testing.TB, s *harness.Server, reference string) (harness.Object, bool) {
	t.Helper()
	status, _, o := s.Call(t, s.Token, "GET", "/sign-ins/"+reference, nil)
	return o, status == 200
}

func TestTheRecordOfASignInOutlivesAServerThatIsKilledAtItsAnswer(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		req := b.Depart(t, user, "")
		ticket := b.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Location
		b.Get(t, ticket).Redirected(t, "/")
		s.Kill()
		s.Again(t)
		b.SignedIn(t, user, "sso")
		list := harness.Items(s.OK(t, "GET", "/organizations/"+p.Organization.ID+"/sign-ins?user="+id, nil))
		if len(list) != 1 || list[0]["outcome"] != "succeeded" || list[0]["method"] != "sso" {
			t.Errorf("%v", list)
		}
	})
}

func TestWhatWaitsToBeRecordedIsWrittenWhenTheServerIsAskedToEnd(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		var references []string
		for range 20 {
			references = append(references, b.DeliverEncoded(t, p, "no base64!", "").Refused(t, 403, "saml_base64_invalid").Reference)
		}
		s.Stop()
		s.Again(t)
		for _, reference := range references {
			if _, ok := recorded(t, s, reference); !ok {
				t.Errorf("%s is lost", reference)
			}
		}
	})
}

// TestUnderAFloodGoodSignInsAreRecordedAndRefusalsReadableOnAnotherNode posts what is
// of no use to one node while people sign in there, and reads on another.
func TestUnderAFloodGoodSignInsAreRecordedAndRefusalsReadableOnAnotherNode(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Engine: "postgres"})
	node := harness.Start(t, harness.Options{Like: s})
	p, user, id := harness.Enforced(t, s, nil)
	raw, r := make([]byte, 64<<10), rand.New(rand.NewPCG(1, 2))
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	body := url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString(raw)}}
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	posts := make([]int, 2)
	for i := range posts {
		b := s.NewBrowser(t)
		flood.Go(func() {
			for ; ctx.Err() == nil; posts[i]++ {
				b.Post(t, p.ACSPath(), body)
			}
		})
	}
	const signIns = 20
	for range signIns {
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		reference := b.DeliverEncoded(t, p, "no base64!", "").Refused(t, 403, "saml_base64_invalid").Reference
		// A busy machine gets more than the second that it takes.
		eventually(t, 5*time.Second, "readable on the other node: "+reference, func() bool {
			_, ok := recorded(t, node, reference)
			return ok
		})
	}
	stop()
	flood.Wait()
	eventually(t, 10*time.Second, "written", func() bool { return harness.Sum(s.Scrape(t)["sallyport_recorder_waiting"], nil) == 0 })
	list := harness.Items(node.OK(t, "GET", "/organizations/"+p.Organization.ID+"/sign-ins?outcome=succeeded&limit=100&user="+id, nil))
	if len(list) != signIns {
		t.Errorf("%d of %d good sign-ins are recorded", len(list), signIns)
	}
	for _, one := range list {
		if o, ok := recorded(t, node, one["id"].(string)); !ok || o["kept"] != true {
			t.Errorf("%v", o)
		}
	}
	rows := s.Count(t, "select count(*) from record_attempts where code = 'saml_xml_invalid'")
	octets := s.Count(t, "select coalesce(sum(length(sealed)), 0) from record_details")
	t.Logf("%d posts: %d rows, %d octets of details", posts[0]+posts[1], rows, octets)
	if posts[0]+posts[1] < 100 || rows > 5_000+1_000 || octets > 20<<20 {
		t.Error("the flood was none, or it has left too much")
	}
}

// TestNothingOfAMessageStandsInClearInTheDatabase plants values and looks for them in
// the database's files, or its dump.
func TestNothingOfAMessageStandsInClearInTheDatabase(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		const marker = "planted9b1e"
		p, user, _ := harness.Enforced(t, s, nil)
		plant := func(r *samltest.Response) {
			r.Assertion.Attributes = []samltest.Attribute{{Name: marker + "name", Values: []string{marker + "value"}}}
		}
		b := s.NewBrowser(t)
		good := vouchWith(t, b, p, func(r *samltest.Response) { r.Assertion.NameID.Value = user; plant(r) })
		b.Get(t, good.Location).Redirected(t, "/")
		vouchWith(t, b, p, func(r *samltest.Response) { r.Assertion.NameID.Value = marker + "@elsewhere.test"; plant(r) }).Refused(t, 403, "domain_not_verified")
		vouchWith(t, b, p, func(r *samltest.Response) { r.Assertion.NameID.Value = marker; plant(r) }).Refused(t, 403, "saml_nameid_not_email")
		refused := b.DeliverEncoded(t, p, marker, "").Refused(t, 403, "saml_base64_invalid")
		b.Password(t, marker+" is my password", "x")
		b.Password(t, marker+"@nowhere.test", "x")
		eventually(t, 5*time.Second, "recorded", func() bool { _, ok := recorded(t, s, refused.Reference); return ok })
		if s.Engine == "postgres" {
			// Every row of every table as text, where octets are in hexadecimal.
			const holding = `select count(*) from information_schema.tables where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')
				and query_to_xml('select t::text from ' || quote_ident(table_schema) || '.' || quote_ident(table_name) || ' t', true, false, '')::text ~* $1`
			if s.Count(t, holding, regexp.QuoteMeta(user)) == 0 {
				t.Fatal("the database was not read")
			}
			if n := s.Count(t, holding, marker+"|"+hex.EncodeToString([]byte(marker))); n != 0 {
				t.Errorf("in clear in %d tables", n)
			}
			return
		}
		s.Stop()
		var content []byte
		file := strings.TrimPrefix(s.Database, "sqlite:")
		for _, name := range []string{file, file + "-wal"} {
			part, err := os.ReadFile(name)
			if err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			content = append(content, part...)
		}
		if !bytes.Contains(content, []byte(user)) {
			t.Fatal("the database was not read")
		}
		if at := bytes.Index(content, []byte(marker)); at >= 0 {
			t.Errorf("in clear: %q", content[max(0, at-200):min(len(content), at+100)])
		}
	})
}
