package keeper_test

import _ "github.com/opengradient/opengradient/testutil/prefixes"
