//go:build tools

// Package lightning names the programs that the tests are run on, so that go.mod keeps them.
package lightning

import (
	_ "github.com/btcsuite/btcd"
	_ "github.com/lightningnetwork/lnd/cmd/lncli"
	_ "github.com/lightningnetwork/lnd/cmd/lnd"
)
