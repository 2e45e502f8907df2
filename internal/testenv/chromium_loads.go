package testenv

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
)

// pageRequested is how long a navigation that a page asked for may take to
// begin. Some never do: a download, an answer 204.
const pageRequested = 500 * time.Millisecond

// pageLoads follows whether the tab's main frame is loading.
type pageLoads struct {
	mu        sync.Mutex
	frame     cdp.FrameID
	loading   bool
	requested time.Time // a navigation was asked for and did not begin yet
	url       string
	requests  []string // what was asked for as a page, in its order
	response  *network.Response
}

// follow sets the main frame, which Chromium gives the target's ID.
func (l *pageLoads) follow(id target.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.frame = cdp.FrameID(id)
}

func (l *pageLoads) observe(event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch event := event.(type) {
	case *page.EventFrameRequestedNavigation:
		if event.FrameID == l.frame && event.Disposition == page.ClientNavigationDispositionCurrentTab {
			l.requested = time.Now()
		}
	case *page.EventFrameStartedLoading:
		l.set(event.FrameID, true)
	case *page.EventFrameStoppedLoading:
		l.set(event.FrameID, false)
	case *page.EventNavigatedWithinDocument:
		if event.FrameID == l.frame {
			l.url, l.requested = event.URL, time.Time{}
		}
	case *network.EventRequestWillBeSent:
		if event.FrameID == l.frame && event.Type == network.ResourceTypeDocument {
			l.requests = append(l.requests, event.Request.URL)
		}
	case *network.EventResponseReceived:
		if event.FrameID == l.frame && event.Type == network.ResourceTypeDocument {
			l.response = event.Response
		}
	case *page.EventFrameNavigated:
		if event.Frame.ID != l.frame {
			return
		}
		l.url = event.Frame.UnreachableURL
		if l.url == "" {
			l.url = event.Frame.URL + event.Frame.URLFragment
		}
		if event.Type == page.NavigationTypeBackForwardCacheRestore {
			l.set(l.frame, false)
		}
	}
}

func (l *pageLoads) set(frame cdp.FrameID, loading bool) {
	if frame == l.frame {
		l.loading, l.requested = loading, time.Time{}
	}
}

// begin says that we are about to ask for a navigation.
func (l *pageLoads) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requested = time.Now()
}

// last returns the URL that the tab came to last. Where the browser shows an
// error page, it is the URL that could not be loaded.
func (l *pageLoads) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.url
}

// answer returns the response that the server gave last to a request for a
// page, or nil.
func (l *pageLoads) answer() *network.Response {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.response
}

// asked returns the URLs of all requests for a page.
func (l *pageLoads) asked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}

func (l *pageLoads) settled() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.loading && (l.requested.IsZero() || time.Since(l.requested) > pageRequested)
}

// settle waits until a navigation that was begun has come to its end.
func (p *Page) settle(ctx context.Context) error {
	// The answer comes after all events of what was done before.
	_ = p.evaluate(ctx, "0", nil)
	return p.poll(ctx, func() error {
		if !p.loads.settled() {
			return errors.New("the page is still loading")
		}
		return nil
	})
}
