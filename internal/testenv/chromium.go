package testenv

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const (
	chromiumStart = 30 * time.Second // until the browser answers
	chromiumStop  = 10 * time.Second // until it has closed by itself
)

// A BrowserOption sets up a [Browser] before it starts. Those that say how
// pages are shown can change a tab later as well: see [Page.Show].
type BrowserOption func(*chromiumSettings)

type chromiumSettings struct {
	hostRules   []string
	trustedKeys []string
	preferences map[string]any
	tab         []chromedp.Action[chromedp.Void] // done in every new tab
}

// MapHosts makes the site names lead to 127.0.0.1, at whatever port the URL
// has. Sites are told apart by the last two labels: app.sallyport.test and
// idp.acme.test are two sites, a.acme.test and b.acme.test are one.
func MapHosts(names ...string) BrowserOption {
	return func(s *chromiumSettings) {
		for _, name := range names {
			s.hostRules = append(s.hostRules, "MAP "+name+" 127.0.0.1")
		}
	}
}

// MapHost makes one site name lead to address, a host and port, whatever port
// the URL has: https://app.sallyport.test/ then needs none.
func MapHost(name, address string) BrowserOption {
	return func(s *chromiumSettings) { s.hostRules = append(s.hostRules, "MAP "+name+" "+address) }
}

// TrustKey makes the browser accept these servers' keys, under any name, as if
// a known authority had certified them: their pages are secure contexts and
// their Secure cookies count. Other certificates are judged as ever.
func TrustKey(servers ...*TLSFiles) BrowserOption {
	return func(s *chromiumSettings) {
		for _, server := range servers {
			s.trustedKeys = append(s.trustedKeys, server.SPKI)
		}
	}
}

// BlockThirdPartyCookies refuses cookies to frames and requests of a site other
// than the page's, as a user can choose to.
func BlockThirdPartyCookies() BrowserOption {
	return chromiumCookies(1)
}

// Locale makes pages see a user of this language, such as "de-DE": in
// Accept-Language, navigator.language and how JavaScript formats.
func Locale(tag string) BrowserOption {
	language, _, _ := strings.Cut(tag, "-")
	accept := chromiumPreference("intl", map[string]any{"accept_languages": tag + "," + language, "selected_languages": tag + "," + language})
	return func(s *chromiumSettings) {
		accept(s)
		s.tab = append(s.tab, chromiumSend(emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: tag}))
	}
}

// DarkMode makes pages see a user who prefers a dark colour scheme.
func DarkMode() BrowserOption { return chromiumScheme("dark") }

// LightMode makes pages see a user who prefers a light colour scheme.
func LightMode() BrowserOption { return chromiumScheme("light") }

func chromiumScheme(name string) BrowserOption {
	scheme := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}}
	return func(s *chromiumSettings) { s.tab = append(s.tab, chromiumSend(emulation.SetEmulatedMedia, scheme)) }
}

// Viewport gives every tab this size in CSS pixels, which may be smaller than
// a window can be: 320 by 640 for a small phone.
func Viewport(width, height int) BrowserOption {
	return func(s *chromiumSettings) {
		s.tab = append(s.tab, chromedp.EmulateViewport(int64(width), int64(height)))
	}
}

// NoScript switches JavaScript off in the pages of every tab. The verbs of
// [Page] work on, but [Page.Axe] doesn't.
func NoScript() BrowserOption { return chromiumScript(false) }

// WithScript switches JavaScript on again. What a page that is open would have
// done before stays undone.
func WithScript() BrowserOption { return chromiumScript(true) }

func chromiumScript(on bool) BrowserOption {
	return func(s *chromiumSettings) {
		s.tab = append(s.tab, chromiumSend(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}))
	}
}

// chromiumCookies sets who may have cookies: 0 for every site, 1 for the page's
// own site alone.
func chromiumCookies(mode int) BrowserOption {
	return chromiumPreference("profile", map[string]any{"cookie_controls_mode": mode})
}

func chromiumPreference(name string, value any) BrowserOption {
	return func(s *chromiumSettings) { s.preferences[name] = value }
}

// chromiumSend is a command without an answer as an action.
func chromiumSend[P any](command cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, params)
		return err
	})
}

// A Chromium is a running browser with a profile of its own.
type Chromium struct {
	ctx      context.Context
	settings *chromiumSettings
}

// Browser starts the distribution's Chromium, without a window and with a new
// profile, and ends it with the test. It resolves no name but localhost and
// those that options map, so that no test reaches beyond the machine.
//
// A machine without Chromium fails the test.
func Browser(t testing.TB, opts ...BrowserOption) *Chromium {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("this test needs Chromium (%v): apt-get install chromium", err)
	}
	settings := &chromiumSettings{preferences: map[string]any{}}
	chromiumCookies(0)(settings) // left out, it depends on how the browser is started
	for _, opt := range opts {
		opt(settings)
	}
	profile := chromiumProfile(t, settings)
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), settings.flags(program, profile)...)
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {
		// What matters comes back from the action that it concerns; the rest may
		// come after the test, which then must not log.
	}))
	t.Cleanup(func() {
		stop, cancelStop := context.WithTimeout(ctx, chromiumStop)
		defer cancelStop()
		if err := chromedp.Cancel(stop); err != nil && !errors.Is(err, context.Canceled) {
			t.Logf("closing Chromium: %v", err)
		}
		cancelAllocator()
	})

	// The browser lives as long as the context of its first action, so the
	// time limit cannot be that context's.
	limit := time.AfterFunc(chromiumStart, cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium (within %s): %v", chromiumStart, err)
	}
	limit.Stop()
	return &Chromium{ctx: ctx, settings: settings}
}

// flags is the command line.
func (s *chromiumSettings) flags(program, profile string) []chromedp.ExecAllocatorOption {
	// The first rule that fits a name decides, exclusions before all.
	rules := append(s.hostRules, "MAP * ~NOTFOUND", "EXCLUDE localhost", "EXCLUDE 127.0.0.1", "EXCLUDE [::1]")
	flags := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.UserDataDir(profile),
		// What programs keep in the home directory goes into the profile too.
		chromedp.Env("HOME="+profile),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-crash-reporter", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ", ")),
		// Pages of tests are opened by the scheme that they were written with.
		chromedp.Flag("disable-features", "Translate,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,HttpsFirstModeV2"),
	)
	if os.Geteuid() == 0 {
		flags = append(flags, chromedp.NoSandbox)
	}
	if len(s.trustedKeys) > 0 {
		flags = append(flags, chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(s.trustedKeys, ",")))
	}
	return flags
}

// chromiumProfile makes a profile directory with the preferences, to be
// removed after the browser ended.
func chromiumProfile(t testing.TB, s *chromiumSettings) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sallyport-chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chromiumRemove(t, dir) })
	preferences, err := json.Marshal(s.preferences)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "Default"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Default", "Preferences"), preferences, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// chromiumRemove removes a profile. The browser's helper processes may write
// into it for a moment after it has ended.
func chromiumRemove(t testing.TB, dir string) {
	var err error
	for range 100 {
		if err = os.RemoveAll(dir); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("a browser's profile stays behind: %v", err)
}

// NewTab opens a tab that shares its cookies with the other tabs of NewTab. The
// tab belongs to t, which may be a subtest: its verbs fail t, and it closes
// with t. Tabs work independently, each from a goroutine of its own if need
// be; a verb that fails then ends that goroutine.
func (b *Chromium) NewTab(t testing.TB) *Page {
	t.Helper()
	return b.open(t)
}

// NewPrivateTab opens a tab with cookies and storage of its own, as if it were
// another browser that has not been anywhere yet.
func (b *Chromium) NewPrivateTab(t testing.TB) *Page {
	t.Helper()
	return b.open(t, chromedp.WithNewBrowserContext())
}

func (b *Chromium) open(t testing.TB, opts ...chromedp.ContextOption) *Page {
	t.Helper()
	page := newPage(t, b)
	ctx, cancel := chromedp.NewContext(b.ctx, append(opts, chromedp.WithListener(page.observe))...)
	page.ctx, page.cancel = ctx, cancel
	t.Cleanup(page.Close)
	limit := time.AfterFunc(chromiumStart, cancel)
	if err := chromedp.Do(ctx, b.settings.tab...); err != nil {
		t.Fatalf("opening a tab of Chromium: %v", err)
	}
	limit.Stop()
	page.loads.follow(chromedp.FromContext(ctx).Target.TargetID)
	return page
}
