import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'

/** Bytes of both halves together at which V8's young generation stops growing; by itself it goes on to 64 MiB and stays there. */
export const YOUNG_GENERATION_BYTES = 8 * 1024 * 1024

/**
 * Stops the young generation's growth once it has this size: a third less memory after a busy hour, for a few percent of CPU time
 * (docs/decisions/0008). V8 reads the growth factor at each growth, so this one flag can be set while it runs; the maximum
 * itself is fixed before the first line of a program.
 */
export function boundYoungGeneration(bytes: number = YOUNG_GENERATION_BYTES): void {
  const observer = new PerformanceObserver(() => {
    if (youngGenerationBytes() < bytes) return
    setFlagsFromString('--semi-space-growth-factor=1')
    observer.disconnect()
  })
  observer.observe({ entryTypes: ['gc'] })
}

export function youngGenerationBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_size ?? 0
}
