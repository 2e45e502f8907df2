package db

import (
	"context"
	"database/sql/driver"
)

// A statementKeeper makes connections that keep the statements they prepared.
// The driver prepares anew each time, which is 40 % of what a short statement
// costs; pgx keeps its own.
type statementKeeper struct{ driver.Connector }

// keptStatements is how many a connection keeps. There are fewer in the whole
// program, unless some are put together at run time.
const keptStatements = 512

func (k statementKeeper) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &keepingConn{sqliteConn: conn.(sqliteConn), kept: map[string]*keptStatement{}}, nil
}

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type keepingConn struct {
	sqliteConn
	kept map[string]*keptStatement
}

type keptStatement struct {
	driver.Stmt
	busy bool // its rows are being read
}

func (c *keepingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s.busy {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (c *keepingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if s.busy {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	s.busy = true
	return &keptRows{Rows: rows, of: s}, nil
}

func (c *keepingConn) statement(ctx context.Context, query string) (*keptStatement, error) {
	if s, ok := c.kept[query]; ok {
		return s, nil
	}
	if len(c.kept) >= keptStatements {
		c.forget()
	}
	stmt, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s := &keptStatement{Stmt: stmt}
	c.kept[query] = s
	return s, nil
}

// forget closes every statement that is not in use.
func (c *keepingConn) forget() {
	for query, s := range c.kept {
		if !s.busy {
			s.Stmt.Close()
			delete(c.kept, query)
		}
	}
}

func (c *keepingConn) Close() error {
	for _, s := range c.kept {
		s.Stmt.Close()
	}
	clear(c.kept)
	return c.sqliteConn.Close()
}

type keptRows struct {
	driver.Rows
	of *keptStatement
}

func (r *keptRows) Close() error {
	r.of.busy = false
	return r.Rows.Close()
}
