package samltest_test

import (
	"errors"
	"strings"
	"testing"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

func validate(t *testing.T, cfg saml.Config, s samltest.Scene, text string) (*saml.Result, *saml.Refusal) {
	t.Helper()
	sp, err := saml.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	res, err := sp.Validate(saml.Message{Values: []string{samltest.Encode(text)}, Received: s.Now, Record: true,
		Requests: func(id string) saml.RequestState {
			if id == s.RequestID {
				return saml.RequestPending
			}
			return saml.RequestUnknown
		}})
	var refusal *saml.Refusal
	if err != nil && !errors.As(err, &refusal) {
		t.Fatalf("an error that is no refusal: %v", err)
	}
	return res, refusal
}

func TestEveryShapeSignsIn(t *testing.T) {
	for _, shape := range samltest.Shapes() {
		for _, signed := range []string{"response", "assertion", "both"} {
			t.Run(shape.Name+" with "+signed+" signed", func(t *testing.T) {
				s := samltest.NewScene()
				r := shape.Response(s)
				switch signed {
				case "response":
					r.AssertionSigning = nil
				case "assertion":
					r.ResponseSigning = nil
				}
				res, refusal := validate(t, s.SP, s, r.String())
				if refusal != nil {
					t.Fatalf("refused: %v\n%s", refusal, failures(refusal.Checks))
				}
				if res.Assertion.Email != samltest.Email || res.Assertion.InResponseTo != s.RequestID {
					t.Errorf("got %+v", res.Assertion)
				}
				if again := shape.Response(s); again.String() != shape.Response(s).String() {
					t.Error("the same description was written in two ways")
				}
			})
		}
	}
}

func TestEveryAttackIsRefused(t *testing.T) {
	seen := make(map[string]bool)
	for _, a := range append(samltest.Attacks(), samltest.EncryptedAttacks()...) {
		t.Run(a.Name, func(t *testing.T) {
			if seen[a.Name] {
				t.Fatal("two attacks have this name")
			}
			seen[a.Name] = true
			s := samltest.NewScene()
			s.SP.Keys = samltest.SPKeys(samltest.SP)
			text := a.Message(s)
			_, refusal := validate(t, s.SP, s, text)
			if refusal == nil {
				t.Fatalf("accepted:\n%s", text)
			}
			if refusal.Code != a.Code {
				t.Errorf("refused with %s, not with %s:\n%s\n%s", refusal.Code, a.Code, failures(refusal.Checks), text)
			}
			if text != a.Message(s) {
				t.Error("the attack is written differently each time")
			}
		})
	}
}

func TestEveryLogoutAttackIsRefused(t *testing.T) {
	s := samltest.NewLogoutScene()
	sp, err := saml.New(s.SP)
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for _, a := range samltest.LogoutAttacks() {
		if seen[a.Name] {
			t.Fatalf("two attacks are named %s", a.Name)
		}
		seen[a.Name] = true
		m := saml.LogoutMessage{Received: s.Now, Requests: func(id string) saml.RequestState {
			if id == samltest.LogoutID {
				return saml.RequestPending
			}
			return saml.RequestUnknown
		}}
		m.Query, m.Form = a.Message(s)
		var refusal *saml.Refusal
		if _, err := sp.ValidateLogout(m); !errors.As(err, &refusal) || refusal.Code != a.Code {
			t.Errorf("%s: %v, not %s", a.Name, err, a.Code)
		}
		if query, form := a.Message(s); query != m.Query || form.Encode() != m.Form.Encode() {
			t.Errorf("%s: the attack is written differently each time", a.Name)
		}
	}
}

func failures(checks []saml.Check) string {
	var b strings.Builder
	for _, c := range checks {
		if c.Status == saml.Failed {
			b.WriteString(c.Name + " " + string(c.Code) + ": expected " + c.Expected + ", found " + c.Found + ": " + c.Note + "\n")
		}
	}
	return b.String()
}

func TestAnswersToARequest(t *testing.T) {
	idp := samltest.NewIdP()
	sp, err := saml.New(idp.Config())
	if err != nil {
		t.Fatal(err)
	}
	req, err := sp.AuthnRequest(saml.RequestOptions{ForceAuthn: true})
	if err != nil {
		t.Fatal(err)
	}
	url, err := req.RedirectURL("state")
	if err != nil {
		t.Fatal(err)
	}
	read, err := samltest.ReadRequest(url)
	if err != nil || read.ID != req.ID || !read.ForceAuthn || read.RelayState != "state" || read.Destination != idp.SSOURL {
		t.Fatalf("%+v, %v", read, err)
	}
	s := samltest.NewScene()
	s.RequestID = read.ID
	if _, refusal := validate(t, s.SP, s, s.Response().String()); refusal != nil {
		t.Error(refusal)
	}
}

func TestRequestsThatCannotBeRead(t *testing.T) {
	for _, url := range []string{"://", "https://x/?SAMLRequest=!", "https://x/?SAMLRequest=AAAA", "https://x/?SAMLRequest=s7GvyM1RKEstKs7Mz7NVMtQzUFJIzUvOT8nMS7dVCg1x07VQsrcDAA%3D%3D"} {
		if r, err := samltest.ReadRequest(url); err == nil {
			t.Errorf("%s: %+v", url, r)
		}
	}
	for _, value := range []string{"!", samltest.Encode("<a/>"), samltest.Encode("<a")} {
		if r, err := samltest.ReadPostedRequest(value); err == nil {
			t.Errorf("%s: %+v", value, r)
		}
	}
}

func TestLogoutMessagesThatCannotBeRead(t *testing.T) {
	for _, url := range []string{"://", "https://x/?SAMLRequest=!", "https://x/?SAMLResponse=AAAA", "https://x/?SAMLRequest=s7GvyM1RKEstKs7Mz7NVMtQzUFJIzUvOT8nMS7dVCg1x07VQsrcDAA%3D%3D"} {
		if m, err := samltest.ReadLogout(url); err == nil {
			t.Errorf("%s: %+v", url, m)
		}
	}
	for _, value := range []string{"!", samltest.Encode("<a/>"), samltest.Encode("<a")} {
		if m, err := samltest.ReadPostedLogout(value); err == nil {
			t.Errorf("%s: %+v", value, m)
		}
	}
}

func TestMistakesInADescriptionPanic(t *testing.T) {
	panics := func(name string, f func()) {
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", name)
			}
		}()
		f()
	}
	panics("an unknown key", func() { samltest.NamedKey("x") })
	panics("an ID of no element that is encrypted", func() {
		r := samltest.NewScene().Response()
		r.AssertionEncryption, r.Assertion.ID, r.AssertionSigning = &samltest.Encryption{}, "", nil
		_ = r.String()
	})
	panics("a NameID that is not there", func() {
		l := samltest.NewLogoutScene().IdP.LogoutRequest(saml.Config{}, samltest.Now())
		l.NameID, l.NameIDEncryption = samltest.NameID{}, &samltest.Encryption{}
		_ = l.String()
	})
	panics("a document that is none", func() {
		l := samltest.NewLogoutScene().IdP.LogoutRequest(saml.Config{}, samltest.Now())
		l.NameIDEncryption, l.BeforeSigning = &samltest.Encryption{}, func(string) string { return "x" }
		_ = l.String()
	})
	panics("a content key that is too long", func() {
		samltest.Encrypt("x", samltest.Encryption{For: []*samltest.Key{samltest.NamedKey(samltest.SP)}, EditKey: func([]byte) []byte { return make([]byte, 250) }})
	})
	panics("a method that the key does not fit", func() {
		samltest.Detached{Key: samltest.NamedKey(samltest.RSA2048), Method: "urn:x"}.Query("SAMLRequest", "x")
	})
	panics("an ID that is not there", func() { samltest.Sign("<a/>", "x", samltest.Signing{Key: samltest.NamedKey(samltest.EC256)}) })
}

func TestADocumentIsSigned(t *testing.T) {
	text := samltest.Sign(`<a ID="x"></a>`, "x", samltest.Signing{Key: samltest.NamedKey(samltest.EC256), NoKeyInfo: true})
	if !strings.HasPrefix(text, `<a ID="x"><ds:Signature `) || !strings.HasSuffix(text, "</ds:Signature></a>") || strings.Contains(text, "KeyInfo") {
		t.Error(text)
	}
}

func TestBase64InLines(t *testing.T) {
	if got := samltest.EncodeLines("abcdef", 4, "\r\n"); got != "YWJj\r\nZGVm" {
		t.Errorf("%q", got)
	}
}
