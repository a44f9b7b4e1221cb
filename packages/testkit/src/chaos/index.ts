export { FAULT_KINDS, type Fault, type FaultKind, makeFaultPlan } from './fault-plan.ts'
export { type ChaosOptions, type ChaosReport, runChaos, summaryOf } from './run-chaos.ts'
