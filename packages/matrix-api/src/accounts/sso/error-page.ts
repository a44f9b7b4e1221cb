import type { Response } from 'express'
import type { MatrixError } from '../../http/matrix-error.ts'
import { sendPage } from './page.ts'

/** A failure shown to a person in a browser, who could do nothing with JSON. */
export function showErrorPage(error: MatrixError, response: Response): void {
  const waitMs = error.extra.retry_after_ms
  if (typeof waitMs !== 'number') {
    sendPage(response, error.status, { title: 'That did not work', paragraphs: [`${error.message}.`] })
    return
  }
  const seconds = Math.ceil(waitMs / 1000)
  response.setHeader('retry-after', seconds)
  sendPage(response, error.status, {
    title: 'Too many tries',
    paragraphs: [`Wait ${seconds} ${seconds === 1 ? 'second' : 'seconds'}, then load this page again.`],
  })
}
