/** CPU time of state resolution by shape and size of the fork. Run: `node packages/protocol/bench/resolution.bench.ts [forks…]`. */
import { resolutionFigures } from './resolution.ts'

const sizes = process.argv.slice(2).map(Number)
for (const { shape, version, forks, milliseconds } of await resolutionFigures(sizes.length > 0 ? sizes : undefined)) {
  console.log(
    `${shape.padEnd(24)} v${version.padEnd(3)} ${String(forks).padStart(6)} forks ${milliseconds.toFixed(3).padStart(9)} ms`,
  )
}
