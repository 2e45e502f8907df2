package signin

import (
	"net/url"
	"strings"
	"testing"
)

func TestPathsOnOurOrigin(t *testing.T) {
	for _, path := range []string{
		"/", "/account/security", "/a?b=c&d=e", "/a?next=https://evil.test/", "/a#part", "/a//b", "/%41", "/a%2fb", "/é", "/日本語",
		"/a:b", "/@evil.test", "/a?x=%0d%0a", "/.well-known/x", "/a;b", "/~user", "/" + strings.Repeat("a", 2047),
	} {
		if got, ok := LocalPath(path); !ok || got != path {
			t.Errorf("%q: %q, %v", path, got, ok)
		}
	}
}

func TestPathsThatLeadElsewhere(t *testing.T) {
	for _, path := range []string{
		"", "a", "account", "https://evil.test", "http://evil.test/", "//evil.test", "///evil.test", "////evil.test", "//", "///",
		`/\evil.test`, `\/evil.test`, `\\evil.test`, `/\/evil.test`, `/a\b`, "/%5cevil.test", "/a%5Cb",
		"javascript:alert(1)", "data:text/html,x", "mailto:x", "?x", "#x", "./x", "../x",
		"/\t/evil.test", "/\n/evil.test", "/\r/evil.test", "/ /evil.test", " /a", "\t//evil.test", "/a\x00b", "/a\x7fb", "/a\r\nSet-Cookie: x=y",
		"/%2fevil.test", "/%2Fevil.test", "/%2f%2fevil.test",
		"/a/../../evil", "/../x", "/a/..", "/..", "/%2e%2e/x", "/a/%2e%2e//evil.test", "/x/../..//evil.test", "/%2e%2e", "/.//evil.test", "/a/./b", "/a/.", "/%2e//evil.test",
		"/\xff", "/\ufffd", "/%zz", "/%", "/a?b=\x01",
		"/" + strings.Repeat("a", 2048),
	} {
		if got, ok := LocalPath(path); ok || got != "" {
			t.Errorf("%q: %q, %v", path, got, ok)
		}
	}
}

// FuzzLocalPath resolves what is taken as a browser would, against our origin
// and against a page deep in it.
func FuzzLocalPath(f *testing.F) {
	for _, path := range []string{"/", "/a?b=c", "//evil.test", `/\evil.test`, "/%2f/evil.test", "/a/..//x", "/\t/x", "/.//evil.test", "/a/.//../b"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got, ok := LocalPath(path)
		if !ok {
			if got != "" {
				t.Errorf("%q is refused and returned", path)
			}
			return
		}
		// Browsers take tabs and line ends out of a URL, and \ for /.
		read := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(got)
		if read != path || strings.HasPrefix(read, "//") {
			t.Errorf("%q reads %q", path, read)
		}
		for _, base := range []string{"https://login.example/", "https://login.example/saml/sso_1/start?x=y"} {
			b, _ := url.Parse(base)
			u, err := b.Parse(got)
			if err != nil || u.Scheme != "https" || u.Host != "login.example" || u.User != nil {
				t.Errorf("%q leads to %v, %v", path, u, err)
			}
			if err == nil && strings.HasPrefix(u.Path, "//") {
				t.Errorf("%q leads to the path %q", path, u.Path)
			}
		}
	})
}

func TestBoundTo(t *testing.T) {
	hash := []byte("not a hash")
	if _, ok := BoundTo(hash, []string{"a", "", "not a hash"}); ok {
		t.Error("a token is compared as it is")
	}
	if _, ok := BoundTo(nil, []string{"", "a"}); ok {
		t.Error("no hash has a token")
	}
	if _, ok := BoundTo(nil, nil); ok {
		t.Error("nothing is bound to nothing")
	}
}
