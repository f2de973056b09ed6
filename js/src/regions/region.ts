import type { VNode } from "../dom"
import type { RegionName } from "../view"

/** A part of the panel: drawn when one of what it follows changed; null when the carton has nothing for it. */
export interface Region { follows: RegionName[]; draw: () => VNode | null }
