import type { VNode } from "../dom"
import type { RegionName } from "../view"

/** A part of the panel: drawn when one of what it follows changed. */
export interface Region { follows: RegionName[]; draw: () => VNode }
