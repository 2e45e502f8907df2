package outside

import (
	"crypto/tls"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// A namedServer is a server that asks the test's name servers for proofs.
type namedServer struct {
	*harness.Server
	dns [2]*testenv.DNS
}

// withNames runs a test on both engines, each with a server of its own.
func withNames(t *testing.T, o harness.Options, f func(t *testing.T, s *namedServer)) {
	t.Helper()
	for _, engine := range harness.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := &namedServer{dns: [2]*testenv.DNS{testenv.StartDNS(t), testenv.StartDNS(t)}}
			o := o
			o.Engine = engine
			o.Args = append([]string{"--dns-resolver", s.dns[0].Address + "," + s.dns[1].Address,
				"--operator-mail", "operator@installation.test"}, o.Args...)
			s.Server = harness.Start(t, o)
			f(t, s)
		})
	}
}

// organization makes an organization with an owner.
func (s *namedServer) organization(t *testing.T, name string) (orgID, owner string) {
	t.Helper()
	orgID = harness.ID(s.OK(t, "POST", "/organizations", harness.Object{"name": name}))
	owner = "owner@" + strings.ToLower(name) + "-people.test"
	s.OK(t, "POST", "/organizations/"+orgID+"/users", harness.Object{"email": owner, "role": "owner", "password": harness.Password})
	return orgID, owner
}

// claim claims a domain and returns its path and what to publish.
func (s *namedServer) claim(t *testing.T, orgID, name string) (path, value string) {
	t.Helper()
	d := s.OK(t, "POST", "/organizations/"+orgID+"/domains", harness.Object{"name": name})
	value, _ = harness.At(d, "proof", "txt_value").(string)
	return "/domains/" + harness.ID(d), value
}

// publish sets the texts at the name of a domain's record.
func (s *namedServer) publish(domain string, texts ...string) {
	for _, d := range s.dns {
		d.TXT("_sallyport-challenge."+domain, texts...)
	}
}

// verify asks for a check, as often as it is too early for one.
func (s *namedServer) verify(t *testing.T, path string) (status int, answer harness.Object) {
	t.Helper()
	for range 50 {
		status, header, answer := s.Call(t, s.Token, "POST", path+"/verify", harness.Object{})
		if status != 429 {
			return status, answer
		}
		if header.Get("Retry-After") != "1" {
			t.Fatalf("Retry-After: %q", header.Get("Retry-After"))
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("it is always too early")
	return 0, nil
}

// mailed waits for a mail to an address with this subject.
func (s *namedServer) mailed(t *testing.T, to, subject string) testenv.Mail {
	t.Helper()
	var seen []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		seen = nil
		for _, m := range testenv.MailsIn(t, s.MailDir) {
			if m.To == to && m.Subject == subject {
				return m
			}
			seen = append(seen, m.To+": "+m.Subject)
		}
	}
	t.Fatalf("no mail %q to %s, but %q", subject, to, seen)
	return testenv.Mail{}
}

func TestADomainIsProvedByARecord(t *testing.T) {
	t.Parallel()
	withNames(t, harness.Options{}, func(t *testing.T, s *namedServer) {
		orgID, _ := s.organization(t, "Acme")
		path, value := s.claim(t, orgID, "Acme.Test")
		token := s.OK(t, "POST", "/tokens", harness.Object{"organization_id": orgID, "scope": "admin"})["token"].(string)
		if !strings.HasPrefix(value, "sallyport-verification=") || len(value) < len("sallyport-verification=")+43 {
			t.Errorf("the proof is %q", value)
		}
		answer := s.RefusedAs(t, token, 409, "domain_proof_missing", "POST", path+"/verify", harness.Object{})
		if d := s.OK(t, "GET", path, nil); d["status"] != "pending" || harness.At(d, "check", "at") == nil {
			t.Errorf("%v after %v", d, answer)
		}
		s.dns[0].TXT("_sallyport-challenge.acme.test", value)
		if status, answer := s.verify(t, path); status != 409 || answer["code"] != "domain_proof_missing" {
			t.Errorf("one resolver of two: %d %v", status, answer)
		}
		resolvers := harness.At(s.OK(t, "GET", path, nil), "check", "resolvers").([]any)
		for i, want := range []string{"found", "none"} {
			r := resolvers[i].(harness.Object)
			if r["resolver"] != s.dns[i].Address || r["txt"] != want {
				t.Errorf("%v is not %s from %s", r, want, s.dns[i].Address)
			}
		}
		s.publish("acme.test", "v=something else", value)
		if status, d := s.verify(t, path); status != 200 || d["status"] != "verified" || d["proof_method"] != "dns" || d["verified_at"] == nil {
			t.Errorf("%d %v", status, d)
		}
		s.RefusedAs(t, token, 403, "forbidden", "PUT", path+"/holder", harness.Object{"organization_id": orgID})
		s.Refused(t, 409, "conflict", "PUT", path+"/holder", harness.Object{"organization_id": orgID})
		s.Refused(t, 422, "invalid", "POST", path+"/verify", harness.Object{"method": "dns"})
		s.Refused(t, 422, "invalid", "PUT", path+"/holder", harness.Object{})
	})
}

// TestADomainIsCheckedAtMostOnceASecond, on all nodes together.
func TestADomainIsCheckedAtMostOnceASecond(t *testing.T) {
	t.Parallel()
	withNames(t, harness.Options{}, func(t *testing.T, s *namedServer) {
		orgID, _ := s.organization(t, "Acme")
		path, _ := s.claim(t, orgID, "acme.test")
		args := []string{"--dns-resolver", s.dns[0].Address}
		nodes := []*harness.Server{s.Server, harness.Start(t, harness.Options{Like: s.Server, Args: args})}
		var checked, limited atomic.Int64
		start := time.Now()
		done := make(chan bool)
		for i := range 8 {
			go func() {
				defer func() { done <- true }()
				for range 10 {
					req, err := http.NewRequest("POST", s.Base+"/api/v1"+path+"/verify", strings.NewReader("{}"))
					if err != nil {
						t.Error(err)
						return
					}
					req.Header.Set("Authorization", "Bearer "+s.Token)
					req.Header.Set("Content-Type", "application/json")
					res, err := nodes[i%2].Send(req)
					if err != nil {
						t.Error(err)
						return
					}
					res.Body.Close()
					switch res.Header.Get("Sallyport-Error") {
					case "domain_proof_missing":
						checked.Add(1)
					case "rate_limited":
						limited.Add(1)
					default:
						t.Errorf("%s %s", res.Status, res.Header.Get("Sallyport-Error"))
					}
				}
			}()
		}
		for range 8 {
			<-done
		}
		if most := int64(time.Since(start)/time.Second) + 1; checked.Load() < 1 || checked.Load() > most || checked.Load()+limited.Load() != 80 {
			t.Errorf("%d were checked in %v, %d too early", checked.Load(), time.Since(start), limited.Load())
		}
	})
}

// TestADomainIsVerifiedWithoutAnybodyAsking: the server looks by itself.
func TestADomainIsVerifiedWithoutAnybodyAsking(t *testing.T) {
	t.Parallel()
	withNames(t, harness.Options{}, func(t *testing.T, s *namedServer) {
		orgID, _ := s.organization(t, "Acme")
		path, value := s.claim(t, orgID, "acme.test")
		s.publish("acme.test", value)
		s.Exec(t, "update domain_checks set next_at = 1")
		var d harness.Object
		for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
			if d = s.OK(t, "GET", path, nil); d["status"] == "verified" {
				return
			}
		}
		t.Errorf("%v", d)
	})
}

// webServer serves a file over HTTPS at port 443 of an address of its own.
func webServer(t *testing.T, files *testenv.TLSFiles, path, body string) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	var l net.Listener
	var err error
	for range 20 { // others may test here as well
		address = fmt.Sprintf("127.%d.%d.%d", 1+rand.N(250), rand.N(256), 1+rand.N(250))
		if l, err = net.Listen("tcp", address+":443"); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("a web server at port 443: %v", err)
	}
	server := &http.Server{TLSConfig: &tls.Config{Certificates: []tls.Certificate{files.Certificate}},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if r.URL.Path == path {
				io.WriteString(w, body)
			} else {
				http.NotFound(w, r)
			}
		})}
	go server.ServeTLS(l, "", "")
	t.Cleanup(func() { server.Close() })
	return address, asked
}

func TestADomainWithMailIsProvedByAFile(t *testing.T) {
	t.Parallel()
	files := testenv.TLSCertificate(t, "acme.test")
	trusting := harness.Options{Env: []string{"SSL_CERT_FILE=" + files.CAFile}}
	allowed := trusting
	allowed.Args = []string{"--outbound-allow", "127.0.0.0/8"}
	const path = "/.well-known/sallyport-verification.txt"
	t.Run("public", func(t *testing.T) {
		withNames(t, allowed, func(t *testing.T, s *namedServer) {
			orgID, _ := s.organization(t, "Acme")
			domain, value := s.claim(t, orgID, "acme.test")
			address, asked := webServer(t, files, path, "our proof:\r\n"+value+"\r\n")
			for _, d := range s.dns {
				d.Host("acme.test", address)
			}
			if status, answer := s.verify(t, domain); status != 409 || answer["code"] != "domain_proof_missing" || asked.Load() > 0 {
				t.Errorf("without an MX record: %d %v, asked %d times", status, answer, asked.Load())
			}
			for _, d := range s.dns {
				d.MX("acme.test", "mail.acme.test")
			}
			if status, d := s.verify(t, domain); status != 200 || d["status"] != "verified" || d["proof_method"] != "file" || asked.Load() != 2 {
				t.Errorf("%d %v, asked %d times", status, d, asked.Load())
			}
		})
	})
	t.Run("the operator's own network", func(t *testing.T) {
		withNames(t, trusting, func(t *testing.T, s *namedServer) {
			orgID, _ := s.organization(t, "Acme")
			domain, value := s.claim(t, orgID, "acme.test")
			address, asked := webServer(t, files, path, value)
			for _, d := range s.dns {
				d.Host("acme.test", address, "::1", "::ffff:"+address)
				d.MX("acme.test", "mail.acme.test")
			}
			status, answer := s.verify(t, domain)
			if status != 409 || answer["code"] != "domain_proof_missing" || asked.Load() > 0 {
				t.Errorf("%d %v, asked %d times", status, answer, asked.Load())
			}
			d := s.OK(t, "GET", domain, nil)
			for _, r := range harness.At(d, "check", "resolvers").([]any) {
				if r := r.(harness.Object); r["file"] != "failed" || r["reason"] != "not_public" {
					t.Errorf("%v", r)
				}
			}
			if text := sprint(answer, d); strings.Contains(text, address) {
				t.Errorf("a tenant is told an address: %s", text)
			}
		})
	})
}

// TestALostProofAndADispute is the life of a domain that changes its owner.
func TestALostProofAndADispute(t *testing.T) {
	t.Parallel()
	withNames(t, harness.Options{}, func(t *testing.T, s *namedServer) {
		acme, acmeOwner := s.organization(t, "Acme")
		globex, globexOwner := s.organization(t, "Globex")
		held, value := s.claim(t, acme, "shared.test")
		s.publish("shared.test", value)
		if status, d := s.verify(t, held); status != 200 {
			t.Fatalf("%d %v", status, d)
		}
		user := harness.ID(s.OK(t, "POST", "/organizations/"+acme+"/users", harness.Object{"email": "user@shared.test", "password": harness.Password}))
		b := s.NewBrowser(t)
		b.Password(t, "user@shared.test", harness.Password).Redirected(t, "/")

		claim, theirs := s.claim(t, globex, "shared.test")
		s.publish("shared.test", value, theirs)
		if status, answer := s.verify(t, claim); status != 409 || answer["code"] != "domain_verified_elsewhere" {
			t.Errorf("%d %v", status, answer)
		}
		s.publish("shared.test", theirs)
		if status, answer := s.verify(t, held); status != 409 || answer["code"] != "domain_proof_missing" {
			t.Errorf("%d %v", status, answer)
		}
		if d := s.OK(t, "GET", held, nil); d["status"] != "lapsing" || d["lapses_at"] == nil {
			t.Errorf("%v", d)
		}
		s.mailed(t, acmeOwner, "The proof for shared.test has disappeared")
		if status, answer := s.verify(t, claim); status != 409 || answer["code"] != "domain_verified_elsewhere" {
			t.Errorf("%d %v", status, answer)
		}
		if d := s.OK(t, "GET", claim, nil); d["status"] != "pending" || d["disputed"] != true {
			t.Errorf("%v", d)
		}
		s.mailed(t, acmeOwner, "Somebody else claims shared.test")
		s.mailed(t, globexOwner, "shared.test is held by another organization")
		s.mailed(t, "operator@installation.test", "Two organizations claim shared.test")
		b.SignedIn(t, "user@shared.test", "password")

		s.Refused(t, 422, "invalid", "PUT", claim+"/holder", harness.Object{"organization_id": "org_0000000000000000000000000c"})
		out := harness.Command(t, "", "domain", "award", strings.TrimPrefix(claim, "/domains/"), globex, "--server", s.Base, "--token", s.Token)
		if !strings.Contains(out, "status: verified") {
			t.Errorf("%s", out)
		}
		if d := s.OK(t, "GET", held, nil); d["status"] != "pending" {
			t.Errorf("%v", d)
		}
		if u := s.User(t, user); u["organization_id"] != nil || u["role"] != nil {
			t.Errorf("%v", u)
		}
		if a := b.Get(t, "/session"); a.Status != 401 {
			t.Errorf("the session of a removed user: %d", a.Status)
		}
		if a := s.NewBrowser(t).Password(t, "user@shared.test", harness.Password); a.Code != "credentials_invalid" {
			t.Errorf("the password of a removed user: %d %s", a.Status, a.Code)
		}
		s.mailed(t, acmeOwner, "shared.test was awarded to another organization")
		s.mailed(t, globexOwner, "shared.test is yours")
		if v := s.OK(t, "POST", "/organizations/"+globex+"/users", harness.Object{"email": "user@shared.test"}); harness.ID(v) != user || v["organization_id"] != globex {
			t.Errorf("%v", v)
		}
		var actions []string
		for _, e := range harness.Items(s.OK(t, "GET", "/organizations/"+acme+"/audit?limit=200", nil)) {
			actions = append(actions, fmt.Sprint(e["action"]))
		}
		for _, want := range []string{"domain.claimed", "domain.verified", "domain.lapsed", "domain.disputed", "domain.lost", "user.removed"} {
			if !slices.Contains(actions, want) {
				t.Errorf("no %s in %v", want, actions)
			}
		}
	})
}

func TestTheOperatorSetsHowManyDomains(t *testing.T) {
	t.Parallel()
	withNames(t, harness.Options{Args: []string{"--max-domains", "2"}}, func(t *testing.T, s *namedServer) {
		orgID, _ := s.organization(t, "Acme")
		s.claim(t, orgID, "one.test")
		s.claim(t, orgID, "two.test")
		answer := s.Refused(t, 409, "conflict", "POST", "/organizations/"+orgID+"/domains", harness.Object{"name": "three.test"})
		if !strings.Contains(sprint(answer["detail"]), "2 domains") {
			t.Errorf("%v", answer)
		}
	})
}

func TestNamesThatNobodyOwnsAlone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		orgID := harness.NewOrganization(t, s).ID
		for name, code := range map[string]string{
			"co.uk": "domain_public", "github.io": "domain_public", "gmail.com": "domain_public", "GMX.de": "domain_public", "yahoo.co.jp": "domain_public",
			"localhost": "invalid", "[127.0.0.1]": "invalid", "127.0.0.1": "invalid", "xn--a.test": "invalid", "": "invalid", "a b.test": "invalid",
		} {
			s.Refused(t, 422, code, "POST", "/organizations/"+orgID+"/domains", harness.Object{"name": name})
		}
	})
}
