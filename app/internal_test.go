package app

import "github.com/opengradient/opengradient/app/preblock"

// PreBlocker is the pre-blocker of the application, over any state.
func (app *App) PreBlocker() *preblock.Handler {
	return preblock.NewHandler(app.ModuleManager.PreBlock, validatorResolver{staking: app.StakingKeeper}, app.SchedulingKeeper, app.InferenceKeeper)
}
