import type { Affected } from '../../ports.ts'

/** The part of the node's stream positions that EDUs need; `store/stream-positions.ts` fits. */
export interface Positions {
  allocate(): {
    readonly position: number
    done(affected: Affected): void
    abandon(): void
  }
}

/** Allocates a position for what `write` does, and shows it once that has succeeded. */
export async function atPosition(
  positions: Positions,
  affected: Affected,
  write: (position: number) => Promise<void> | void,
): Promise<void> {
  const pending = positions.allocate()
  try {
    await write(pending.position)
  } catch (error) {
    pending.abandon()
    throw error
  }
  pending.done(affected)
}
