package testenv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

const (
	pageTimeout = 10 * time.Second      // of every verb
	pagePoll    = 20 * time.Millisecond // between two looks at a page
)

// A Page is a tab of a browser, and its methods are what a user does and sees.
//
// A verb waits until it can be done, at most ten seconds; otherwise it ends the
// test with a message that says where the page was, and leaves a screenshot.
// A verb that may navigate returns when the new page has loaded, but scripts may
// do more later: look at the result by [Page.WaitURL], [Page.WaitText] or
// [Page.Text], which wait.
//
// Where a verb takes the name of a control, that is the text a user reads on a
// button or link, the label of a field, or else a CSS selector. It must fit
// one visible control, or links that all lead to the same place.
type Page struct {
	t       testing.TB
	browser *Chromium
	ctx     context.Context
	cancel  context.CancelFunc // closes the tab
	timeout time.Duration      // of every verb
	loads   pageLoads
	seen    pageProblems
}

func newPage(t testing.TB, browser *Chromium) *Page {
	return &Page{
		t: t, browser: browser, timeout: pageTimeout,
		loads: pageLoads{url: "about:blank"},
		seen:  pageProblems{told: map[string]bool{}, documents: map[network.RequestID]bool{}},
	}
}

// NewTab opens another tab beside this one, with the same cookies. Beside a
// private tab it lives as long as that.
func (p *Page) NewTab() *Page {
	p.t.Helper()
	if id := chromedp.FromContext(p.ctx).BrowserContextID; id != "" {
		return p.browser.open(p.t, chromedp.WithExistingBrowserContext(id))
	}
	return p.browser.open(p.t)
}

// Close closes the tab, before the end of its test would.
func (p *Page) Close() {
	select {
	case <-p.browser.ctx.Done(): // the browser is gone, and the tab with it
	default:
		p.cancel()
	}
}

// Open goes to url. An error page of the server is a page as well; a server
// that doesn't answer, or whose certificate is refused, fails the test.
func (p *Page) Open(url string) {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	p.loads.begin()
	err := p.do(ctx, func(ctx context.Context, target *chromedp.Target) error {
		result, err := cdp.Call(ctx, target, page.Navigate, page.NavigateParams{URL: url})
		if err == nil && result.ErrorText != "" {
			return errors.New(result.ErrorText)
		}
		return err
	})
	if err == nil {
		err = p.settle(ctx)
	}
	p.check(err, "Open(%q)", url)
}

// Reload loads the page again, as the button does; a page that answered a POST
// is posted again.
func (p *Page) Reload() {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	p.loads.begin()
	err := chromedp.Do(ctx, chromiumSend(page.Reload, page.ReloadParams{}))
	if err == nil {
		err = p.settle(ctx)
	}
	p.check(err, "Reload()")
}

// Back goes one page back in the tab's history.
func (p *Page) Back() {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	err := p.do(ctx, func(ctx context.Context, target *chromedp.Target) error {
		history, err := cdp.Call(ctx, target, page.GetNavigationHistory, cdp.Empty{})
		if err != nil {
			return err
		}
		if history.CurrentIndex == 0 {
			return errors.New("there is no page to go back to")
		}
		p.loads.begin()
		_, err = cdp.Call(ctx, target, page.NavigateToHistoryEntry,
			page.NavigateToHistoryEntryParams{EntryID: history.Entries[history.CurrentIndex-1].ID})
		return err
	})
	if err == nil {
		err = p.settle(ctx)
	}
	p.check(err, "Back()")
}

// Front comes back to the tab, as by a click on it: pages learn that they are in
// view again.
func (p *Page) Front() {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	p.check(chromedp.Do(ctx, chromiumSend(page.BringToFront, cdp.Empty{})), "Front()")
}

// Show changes how the tab shows its pages, the present one at once: [DarkMode],
// [LightMode], [Viewport]; [NoScript] and [WithScript] count from the next page
// on. It returns
// when what the page animates on that account has come to rest.
func (p *Page) Show(opts ...BrowserOption) {
	p.t.Helper()
	settings := &chromiumSettings{preferences: map[string]any{}}
	for _, opt := range opts {
		opt(settings)
	}
	ctx, cancel := p.deadline()
	defer cancel()
	err := chromedp.Do(ctx, settings.tab...)
	if err == nil {
		err = p.poll(ctx, func() error {
			var resting bool
			if err := p.evaluate(ctx, pageRests, &resting, pageSilent); err != nil {
				return err
			}
			if !resting {
				return errors.New("the page is still moving")
			}
			return nil
		})
	}
	p.check(err, "Show(…)")
}

// pageRests brings the style up to date, which starts transitions, and tells
// whether none is under way.
const pageRests = `document.getAnimations().every(animation => animation.playState !== 'running')`

// Click clicks a control with the mouse. A control that is disabled, or that
// something else covers, cannot be clicked.
func (p *Page) Click(control string) {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	point, err := pageFind[struct{ X, Y float64 }](ctx, p, pageFindClickable, control)
	if err == nil {
		err = chromedp.Do(ctx, chromedp.MouseClickXY(point.X, point.Y))
	}
	if err == nil {
		err = p.settle(ctx)
	}
	p.check(err, "Click(%q)", control)
}

// Fill replaces what a field holds by text, typed at once. In a select it
// chooses the option of this text or value.
func (p *Page) Fill(control, text string) {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	selected, err := pageFind[bool](ctx, p, pageFindField, control, text)
	if err == nil && selected {
		err = chromedp.Do(ctx, chromiumSend(input.InsertText, input.InsertTextParams{Text: text}))
	}
	p.check(err, "Fill(%q, …)", control)
}

// SubmitForm submits the form that the selector names, or that holds what it
// names, as its first button would: fields are validated, and the page's
// scripts see it. Browsers do so on Enter in a field.
func (p *Page) SubmitForm(selector string) {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	_, err := pageFind[bool](ctx, p, pageSubmit, selector)
	if err == nil {
		err = p.settle(ctx)
	}
	p.check(err, "SubmitForm(%q)", selector)
}

// WaitURL waits until the page's URL begins with prefix, and returns it.
func (p *Page) WaitURL(prefix string) string {
	p.t.Helper()
	url, err := p.waitURL(func(url string) bool { return strings.HasPrefix(url, prefix) })
	p.check(err, "WaitURL(%q)", prefix)
	return url
}

// WaitURLFunc waits until the page's URL fits, and returns it.
func (p *Page) WaitURLFunc(fits func(url string) bool) string {
	p.t.Helper()
	url, err := p.waitURL(fits)
	p.check(err, "WaitURLFunc(…)")
	return url
}

func (p *Page) waitURL(fits func(string) bool) (url string, err error) {
	ctx, cancel := p.deadline()
	defer cancel()
	err = p.poll(ctx, func() error {
		if err := p.evaluate(ctx, pageURL, &url); err != nil {
			return err
		}
		if url = p.realURL(url); !fits(url) {
			return errors.New("the page has another URL")
		}
		return nil
	})
	if err == nil {
		err = p.settle(ctx)
	}
	return url, err
}

// WaitText waits until the page shows text, in one element or across several;
// any white space counts as one space.
func (p *Page) WaitText(text string) {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	_, err := pageFind[bool](ctx, p, pageShows, text)
	p.check(err, "WaitText(%q)", text)
}

// Text returns what the one element that the selector names shows, once it is
// visible.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	text, err := pageFind[string](ctx, p, pageText, selector)
	p.check(err, "Text(%q)", selector)
	return text
}

// HTML returns the document as it is now, scripts' changes included.
func (p *Page) HTML() string {
	p.t.Helper()
	html, err := p.read(`document.documentElement.outerHTML`)
	p.check(err, "HTML()")
	return html
}

// Title returns the document's title.
func (p *Page) Title() string {
	p.t.Helper()
	title, err := p.read(`document.title`)
	p.check(err, "Title()")
	return title
}

// URL returns the page's URL. For an error page of the browser it is the one
// that could not be loaded.
func (p *Page) URL() string {
	p.t.Helper()
	url, err := p.read(pageURL)
	p.check(err, "URL()")
	return p.realURL(url)
}

const pageURL = `document.location.href`

// realURL is the URL that the browser would show for a document's own.
func (p *Page) realURL(url string) string {
	if strings.HasPrefix(url, "chrome-error:") {
		return p.loads.last()
	}
	return url
}

// Response returns the status and the header fields that the server sent with
// the page last loaded from it: zero and none before the first.
func (p *Page) Response() (status int, header http.Header) {
	p.t.Helper()
	_, err := p.read(`''`) // then all that the page told before is in
	p.check(err, "Response()")
	header = http.Header{}
	response := p.loads.answer()
	if response == nil {
		return 0, header
	}
	for name, value := range response.Headers {
		for line := range strings.SplitSeq(fmt.Sprint(value), "\n") {
			header.Add(name, line)
		}
	}
	return int(response.Status), header
}

// Requested returns the URLs that the tab has asked servers for as pages, since
// it was opened: those that only redirected too.
func (p *Page) Requested() []string {
	p.t.Helper()
	_, err := p.read(`''`)
	p.check(err, "Requested()")
	return p.loads.asked()
}

// Eval runs a JavaScript expression in the page and stores its value in out,
// by way of JSON, or nowhere if out is nil. A promise is awaited.
func (p *Page) Eval(js string, out any) {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	p.check(p.evaluate(ctx, js, out), "Eval(%s)", js)
}

// Cookies returns all cookies of the tab, of every site.
func (p *Page) Cookies() []*http.Cookie {
	p.t.Helper()
	ctx, cancel := p.deadline()
	defer cancel()
	result, err := chromedp.CallBrowser(ctx, storage.GetCookies,
		storage.GetCookiesParams{BrowserContextID: chromedp.FromContext(ctx).BrowserContextID})
	p.check(err, "Cookies()")
	var cookies []*http.Cookie
	for _, cookie := range result.Cookies {
		cookies = append(cookies, pageCookie(cookie))
	}
	return cookies
}

func pageCookie(c *network.Cookie) *http.Cookie {
	cookie := &http.Cookie{
		Name: c.Name, Value: c.Value, Domain: c.Domain, Path: c.Path,
		Secure: c.Secure, HttpOnly: c.HTTPOnly, Partitioned: c.PartitionKey != nil,
	}
	switch c.SameSite {
	case network.CookieSameSiteStrict:
		cookie.SameSite = http.SameSiteStrictMode
	case network.CookieSameSiteLax:
		cookie.SameSite = http.SameSiteLaxMode
	case network.CookieSameSiteNone:
		cookie.SameSite = http.SameSiteNoneMode
	}
	if c.Expires > 0 {
		cookie.Expires = time.Unix(int64(c.Expires), 0)
	}
	return cookie
}

func (p *Page) deadline() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, p.timeout)
}

// do runs protocol commands in the tab.
func (p *Page) do(ctx context.Context, commands func(context.Context, *chromedp.Target) error) error {
	return chromedp.Do(ctx, chromedp.Func(commands))
}

// read evaluates an expression without effects to a string. An attempt that a
// navigation cuts off is made again.
func (p *Page) read(js string) (value string, err error) {
	ctx, cancel := p.deadline()
	defer cancel()
	err = p.poll(ctx, func() error { return p.evaluate(ctx, js, &value) })
	return value, err
}

// poll calls attempt until it has no error, and returns its last one when ctx
// ends.
func (p *Page) poll(ctx context.Context, attempt func() error) error {
	var last error
	for {
		err := attempt()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (for %s)", last, p.timeout)
		case <-time.After(pagePoll):
		}
	}
}

// evaluate runs a JavaScript expression in the page.
func (p *Page) evaluate(ctx context.Context, js string, out any, opts ...chromedp.EvaluateOption) error {
	value, err := chromedp.Run(ctx, chromedp.Evaluate[[]byte](js, append(opts, chromedp.EvalAwaitPromise)...))
	if err != nil || out == nil {
		return err
	}
	if len(value) == 0 {
		return errors.New("the expression has no value")
	}
	return json.Unmarshal(value, out)
}
